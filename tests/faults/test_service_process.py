"""A service that cannot be ended does not hold the tests up for ever: they say so, with its log."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import service_process
from tests.service_process import ServiceProcess

if TYPE_CHECKING:
    from pathlib import Path

_ASLEEP = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


class Unkillable(subprocess.Popen[bytes]):
    """A process that outlives even kill -9, as one does that waits in the kernel for a disk that is gone."""

    def wait(self, timeout: float | None = None) -> int:
        assert timeout is not None, "waited for ever"
        raise subprocess.TimeoutExpired(self.args, timeout)

    def __exit__(self, *reason: object) -> None:
        super().wait()
        self.returncode = 0


def test_one_that_is_deaf_is_killed_and_its_log_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_process, "STOP_SECONDS", 0.1)
    with ServiceProcess(tmp_path, command=("-c", _ASLEEP)) as service:
        service.launch()
        pid = service.pid
        while "deaf" not in service.log.read_text():
            assert service.is_running

        with pytest.raises(AssertionError, match=r"did not end within 0.1 s:\ndeaf"):
            service.interrupt()
        assert not service.is_running
        assert subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False).returncode == 1  # noqa: S603, S607 - a program of the system


def test_one_that_cannot_even_be_killed_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = ServiceProcess(tmp_path)
    service.log.write_text("its last words")
    with Unkillable([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        monkeypatch.setattr(service, "_process", process)
        with pytest.raises(AssertionError, match=r"did not end within 30.0 s:\nits last words"):
            service.interrupt()
