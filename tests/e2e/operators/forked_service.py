"""The service as a process of a test's own, forked: for tests of what operators do beside it, which start many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tests.e2e.operators.forking import ForkedProcess
from tests.service_process import ServiceProcess

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


class ForkedService(ServiceProcess):
    """`allocation dev`, or `serve`, on one data folder."""

    def __init__(self, folder: Path, command: str = "dev", *, settings: dict[str, Any] | None = None) -> None:
        super().__init__(folder, command=(command,), settings=settings)

    def launch(self) -> None:
        """Start it and do not wait."""
        assert self._process is None, "the service runs already"
        forked = ForkedProcess(self.command, self.environment(), output=self.log, errors=self.log)
        self._process = cast("subprocess.Popen[bytes]", forked)

    def __exit__(self, *ended_by: object) -> None:
        if self.is_running:
            self.interrupt()
        super().__exit__(*ended_by)
