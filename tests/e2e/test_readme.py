"""The README's tour, copied line by line, gives the output that the README shows; its code is the code that is there."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.service_process import ServiceProcess
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh|json|text|python)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SHELL_SECONDS = 60


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess(tmp_path) as service:
        yield service.start()


def on_ports_of(service: ServiceProcess, commands: str) -> str:
    with_grpc = commands.replace("127.0.0.1:50051", service.grpc_address)
    return re.sub(r"(python examples/\S+\.py.*)", rf"\1 {service.nats_url}", with_grpc)


def shell(commands: str) -> str:
    done = subprocess.run(  # noqa: S603 - the README's own commands
        ["/bin/bash", "-c", commands], cwd=ROOT, capture_output=True, text=True, timeout=SHELL_SECONDS, check=False
    )
    return done.stdout + done.stderr


def test_the_tour_gives_the_output_that_it_shows(service: ServiceProcess, tmp_path: Path) -> None:
    function, tour = "", [(kind, text) for kind, text in BLOCKS if kind != "python"]
    for (kind, commands), (shown_kind, shown) in zip(tour[::2], tour[1::2], strict=True):
        assert kind == "sh"
        ready = on_ports_of(service, commands)
        function = function or ready.splitlines()[0]
        if shown_kind == "text":
            assert_a_consumer_prints(ready, shown, tmp_path / "consumer.txt")
        else:
            assert_commands_answer(f"{function}\n{ready}", json.loads(shown))


def assert_commands_answer(commands: str, shown: object) -> None:
    wait_until(lambda: last_json(shell(commands)) == shown)


def last_json(output: str) -> object:
    decoder, last, position = json.JSONDecoder(), None, 0
    while (position := output.find("{", position)) >= 0:
        last, position = decoder.raw_decode(output, position)
    return last


def assert_a_consumer_prints(command: str, shown: str, printed: Path) -> None:
    with printed.open("w") as output:
        consumer = subprocess.Popen(command.split(), cwd=ROOT, stdout=output, stderr=output)  # noqa: S603 - the README's own
    try:
        wait_until(lambda: printed.read_text() == shown)
    finally:
        consumer.kill()
        consumer.wait()


def test_the_first_consumer_is_the_example() -> None:
    (shown,) = [text for kind, text in BLOCKS if kind == "python"]
    assert shown == (ROOT / "examples" / "first_consumer.py").read_text(encoding="utf-8")


def test_the_map_names_every_file() -> None:
    tree = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    files = [path for path in (ROOT / "allocation").rglob("*.py") if "migrations" not in path.parts]
    modules = {path.name for path in files} - {"__init__.py"}
    assert {name for name in modules if name not in tree} == set()
