"""The operators' command line, run to its end: without a terminal, or with somebody at one who answers what is asked."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.e2e.command import ENDS_WITHIN_SECONDS
from tests.e2e.operators.forking import ForkedProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def run_command(*arguments: str, environment: Mapping[str, str], typed: str = os.devnull) -> CompletedProcess[str]:
    """Run `allocation` and wait until it ends, as `tests.e2e.command.run_allocation` does, and sooner.

    Raises:
        subprocess.TimeoutExpired: it did not end in time, and was killed.

    """
    with TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        process = ForkedProcess(arguments, environment, output=output, errors=errors, typed=typed)
        try:
            status = process.wait(ENDS_WITHIN_SECONDS)
        finally:
            process.kill()
        return CompletedProcess(process.args, status, output.read_text(), errors.read_text())


def answer_command(*arguments: str, answers: str, environment: Mapping[str, str]) -> CompletedProcess[str]:
    """Run `allocation` with somebody at a terminal who types these answers. Raises as `run_command`."""
    with _terminal(answers) as terminal:
        return run_command(*arguments, environment=environment, typed=os.ttyname(terminal))


def run_on_a_terminal(*arguments: str, answers: str, environment: Mapping[str, str]) -> CompletedProcess[str]:
    """Do the same from the start of its interpreter on."""
    with _terminal(answers) as terminal:
        return subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "allocation", *arguments],
            env=environment,
            stdin=terminal,
            capture_output=True,
            text=True,
            check=False,
            timeout=ENDS_WITHIN_SECONDS,
        )


@contextmanager
def _terminal(answers: str) -> Iterator[int]:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answers.encode())
        yield theirs
    finally:
        os.close(ours)
        os.close(theirs)
