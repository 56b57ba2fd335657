"""Runs a shell block of docs/clients.md and compares what it prints; nothing that it starts outlives it."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from examples.world.processes import dying_with_us
from examples.world.programs import ROOT
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

COMMAND_SECONDS = 600.0
# So long a program that has printed what it should may go on, to end by itself or to print what it should not.
MORE_SECONDS = 0.5


def run(folder: Path, commands: str, printed: str | None, seconds: float = COMMAND_SECONDS) -> None:
    """Run a block; one that goes on for ever is ended when it has printed what it should.

    Raises:
        AssertionError: it failed, printed something else, or neither ended nor printed it in time.

    """
    output, errors = folder / ".output", folder / ".errors"
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(  # noqa: S603 - the page's own commands
            dying_with_us(["/bin/bash", "-euo", "pipefail", "-c", commands]),
            cwd=folder,
            env=os.environ | {"ALLOCATION": str(ROOT)},
            stdout=out,
            stderr=err,
            process_group=0,
        )
    in_time = True
    try:
        wait_until(lambda: ended(process) or (printed is not None and text(output) == printed), seconds)
        with suppress(TimeoutError):
            wait_until(partial(ended, process), MORE_SECONDS)
    except TimeoutError:
        in_time = False
    finally:
        by_itself = ended(process)
        os.killpg(process.pid, 9)  # also when the shell has ended: what it left in the background is of its group
        process.wait()
    said = f"{commands}printed:\n{text(output)}\ninstead of:\n{printed}\nand said:\n{text(errors)[-2000:]}"
    assert in_time, f"not done after {seconds:g} s: {said}"
    assert not by_itself or process.returncode == 0, f"failed with {process.returncode}: {said}"
    assert printed is None or text(output) == printed, said


def ended(process: subprocess.Popen[bytes]) -> bool:
    """Say whether the shell has ended, and leave it to be waited for: until then nobody else can have its group's number."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def text(file: Path) -> str:
    """Read what was written so far, which may end in the middle of a character."""
    return file.read_text(encoding="utf-8", errors="replace")
