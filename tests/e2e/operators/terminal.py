"""The command line with somebody at its terminal, who answers what is asked."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.e2e.command import ENDS_WITHIN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping


def run_on_a_terminal(*arguments: str, answers: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `allocation`, type the answers, and wait until it ends."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answers.encode())
        return subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "allocation", *arguments],
            env=environment,
            stdin=theirs,
            capture_output=True,
            text=True,
            check=False,
            timeout=ENDS_WITHIN_SECONDS,
        )
    finally:
        os.close(ours)
        os.close(theirs)
