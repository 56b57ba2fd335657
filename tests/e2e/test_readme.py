"""The README's tour, copied line by line, gives the output that the README shows; its code is the code that is there."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
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


def test_ctrl_c_ends_the_first_consumer_without_a_traceback(service: ServiceProcess, tmp_path: Path) -> None:
    command = [sys.executable, "examples/first_consumer.py", service.nats_url]
    errors = tmp_path / "errors.txt"
    shell(on_ports_of(service, "\n".join(text for kind, text in BLOCKS[:3] if kind == "sh")))
    with errors.open("w") as written:
        consumer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=written)  # noqa: S603 - our own program
        try:
            assert consumer.stdout is not None
            assert consumer.stdout.readline() == b"order-1: 10 x MISBEGOTTEN-RUG from rug-early\n"
            consumer.send_signal(signal.SIGINT)
            assert (consumer.wait(SHELL_SECONDS), errors.read_text()) == (0, "")
        finally:
            consumer.kill()
            consumer.communicate()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rug-early", "x"], "QUANTITY is a whole number from 0 to 2147483647, this one is 'x'"),
        (["rug-early", "-1"], "QUANTITY is a whole number from 0 to 2147483647, this one is '-1'"),
        (["rug-early", "2147483648"], "QUANTITY is a whole number from 0 to 2147483647, this one is '2147483648'"),
        (["rug-early"], "Reports how much is left of a batch, as a warehouse would: "),
    ],
)
def test_a_report_that_cannot_be_made_is_refused_in_one_line(arguments: list[str], said: str) -> None:
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "examples/report_damage.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=SHELL_SECONDS,
    )
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert ended.stderr.startswith(said)


def test_the_map_names_every_file() -> None:
    tree = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    files = [path for path in (ROOT / "allocation").rglob("*.py") if "migrations" not in path.parts]
    modules = {path.name for path in files} - {"__init__.py"}
    assert {name for name in modules if name not in tree} == set()
