"""Tries docs/clients.md literally: a language's files are written into an empty folder, its commands run, its output compared.

The page's shell blocks find this repository in `$ALLOCATION`. Addresses are replaced by those of the live service.
"""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from examples.world.programs import ROOT
from tests.conformance.secure import SecureService
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conformance.live import LiveService
    from tests.conformance.subject import Subject

PAGE = ROOT / "docs" / "clients.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND_SECONDS = 600
INSTANCES = ("localhost:50061", "localhost:50062")
BATCHES = 20


@dataclass(frozen=True)
class Step:
    """A shell block, the files to be written before it, and what it must print (None: anything)."""

    files: dict[str, str]
    commands: str
    printed: str | None

    @property
    def needs_instances(self) -> bool:
        """Whether it speaks to the two instances with TLS."""
        return self.printed is not None and f"{BATCHES} batches created" in self.printed


def section(page: str, language: str) -> str:
    """Cut out a language's section. Raises LookupError if the page has none."""
    found = re.search(rf"^## {language}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"{PAGE.name} has no section {language}")
    return found.group(1)


def steps(text: str) -> list[Step]:
    """Read the steps of a section, in order."""
    found: list[Step] = []
    files: dict[str, str] = {}
    for kind, name, content in BLOCK.findall(text):
        if name:
            files[name] = content
        elif kind == "sh":
            found.append(Step(files, content, None))
            files = {}
        elif kind == "text":
            last = found.pop()
            found.append(Step(last.files, last.commands, content))
    assert not files, f"no command follows the files {list(files)}"
    return found


def try_page(subject: Subject, live: LiveService) -> None:
    """Follow the section of the program's language in an empty folder."""
    folder = subject.folder / "empty"
    folder.mkdir()
    language = subject.program.language
    todo = steps(section(PAGE.read_text(encoding="utf-8"), language))
    assert any(step.needs_instances for step in todo), f"{language} does not show two instances"
    addresses = {"127.0.0.1:50051": live.service.grpc_address, "nats://127.0.0.1:4222": live.broker.url}
    with ExitStack() as stack:
        secure = [stack.enter_context(SecureService(subject.folder / f"secure-{number}", folder)) for number in (1, 2)]
        addresses |= {name: service.name for name, service in zip(INSTANCES, secure, strict=True)}
        for step in todo:
            for name, content in step.files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(replaced(content, addresses), encoding="utf-8")
            run(folder, replaced(step.commands, addresses), step.printed)
            if step.needs_instances:
                counts = [service.batches_of(f"{language.lower()}-robust") for service in secure]
                assert sum(counts) >= BATCHES, f"the instances have {counts} batches"
                assert all(counts), f"the load was not shared: the instances have {counts} batches"
                secure[0].kill()
                run(folder, replaced(step.commands, addresses), step.printed)


def replaced(text: str, addresses: dict[str, str]) -> str:
    """Put the real addresses in the place of those that the page shows."""
    for shown, real in addresses.items():
        text = text.replace(shown, real)
    return text


def run(folder: Path, commands: str, printed: str | None) -> None:
    """Run a block; one that goes on for ever is ended when it has printed what it should.

    Raises:
        AssertionError: it failed, or printed something else.

    """
    output, errors = folder / ".output", folder / ".errors"
    environment = os.environ | {"ALLOCATION": str(ROOT)}
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(  # noqa: S603 - the page's own commands
            ["/bin/bash", "-euo", "pipefail", "-c", commands],
            cwd=folder,
            env=environment,
            stdout=out,
            stderr=err,
            process_group=0,
        )
    try:
        wait_until(partial(ended_or_printed, process, output, printed), COMMAND_SECONDS)
        failed = process.poll() not in {None, 0}
    finally:
        end_group(process)
    seen = output.read_text(encoding="utf-8")
    said = f"{commands}printed:\n{seen}\ninstead of:\n{printed}\nand said:\n{errors.read_text()[-2000:]}"
    assert not failed, f"failed: {said}"
    assert printed is None or seen == printed, said


def ended_or_printed(process: subprocess.Popen[bytes], output: Path, printed: str | None) -> bool:
    """Say whether there is nothing more to wait for."""
    return process.poll() is not None or (printed is not None and output.read_text(encoding="utf-8") == printed)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the shell and what it started."""
    with ExitStack() as stack:
        stack.callback(process.wait)
        if process.poll() is None:
            os.killpg(process.pid, 9)
