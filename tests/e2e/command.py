"""The command line, run to its end."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDS_WITHIN_SECONDS = 30.0


def run_allocation(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `allocation` and wait until it ends."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "allocation", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=ENDS_WITHIN_SECONDS,
    )


def complaint_of(ended: subprocess.CompletedProcess[str]) -> str:
    """Answer the last words of a program that refused to start: what an operator reads below nothing but log lines.

    Raises:
        AssertionError: it did not refuse, or said it otherwise.

    """
    *logged, last = ended.stderr.splitlines()
    assert (ended.returncode, "Traceback" in ended.stderr, last[:12]) == (1, False, "allocation: "), ended.stderr
    for line in logged:
        assert "exception" not in json.loads(line), line
    return last.removeprefix("allocation: ")
