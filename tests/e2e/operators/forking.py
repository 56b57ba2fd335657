"""Processes that are `allocation`, forked from one that has imported everything: they do not begin with seconds of imports."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_IMPORTED = [
    "aiosqlite",
    "rich.console",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "allocation.__main__",
    "allocation.bootstrap",
    "allocation.commands.consumer_shown",
    "allocation.commands.outbox_shown",
    "allocation.commands.parked_shown",
    "allocation.commands.verify_shown",
    "allocation.operators.doctor.examination",
    "allocation.operators.mending",
]
_PR_SET_PDEATHSIG = 1
_forking = multiprocessing.get_context("forkserver")


class ForkedProcess:
    """`allocation` with these arguments, this environment and these files; what it writes is added to them.

    It can be dealt with as a process of `subprocess`, and does not outlive the tests.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], *, output: Path, errors: Path, typed: str = os.devnull
    ) -> None:
        _forking.set_forkserver_preload(_IMPORTED)
        files = (typed, str(output), str(errors))
        self._process = _forking.Process(target=_be, args=(tuple(arguments), dict(environment), files), daemon=True)
        self._process.start()
        self.args = ["allocation", *arguments]

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Answer its exit status, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends, and answer its exit status.

        Raises:
            subprocess.TimeoutExpired: it did not in time.

        """
        self._process.join(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    def send_signal(self, how: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, how)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


def _be(arguments: tuple[str, ...], environment: dict[str, str], files: tuple[str, str, str]) -> None:
    """Be the program, as a shell would start it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ.clear()
    os.environ.update(environment)
    typed, output, errors = files
    adding = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for opened, standard in ((os.open(typed, os.O_RDONLY), 0), (os.open(output, adding), 1), (os.open(errors, adding), 2)):
        os.dup2(opened, standard)
        os.close(opened)
    sys.stdin = os.fdopen(0, closefd=False)  # In place of the one that multiprocessing gives its processes.
    sys.argv = ["allocation", *arguments]
    from allocation.__main__ import main  # noqa: PLC0415 - imported already, before the fork

    main()
