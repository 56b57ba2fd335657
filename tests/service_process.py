"""The real service as a process of a test's own, with its data folder and ports; it can be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs

from examples.world.processes import dying_with_us
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

START_SECONDS = 30.0
STOP_SECONDS = 30.0
_HEALTH_SECONDS = 3.0


class ServiceProcess:
    """`allocation dev` (or another command) on one data folder; its ports stay the same over restarts.

    `settings` are added to the environment, without their prefix and in lower case, `variables` as they are. With `own_group`
    it leads a process group, as what a shell starts does.
    """

    def __init__(
        self,
        folder: Path,
        *,
        command: Sequence[str] = ("-m", "allocation", "dev"),
        settings: dict[str, Any] | None = None,
        variables: dict[str, str] | None = None,
        own_group: bool = False,
    ) -> None:
        self.data_folder = folder / "allocation-data"
        self.grpc_port = free_port()
        self.nats_port = free_port()
        self.admin_port = free_port()
        self.log = folder / "service.log"
        self.command = command
        self.settings = settings or {}
        self.variables = variables or {}
        self.own_group = own_group
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def grpc_address(self) -> str:
        """Where gRPC listens."""
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def nats_url(self) -> str:
        """Where its broker listens."""
        return f"nats://127.0.0.1:{self.nats_port}"

    @property
    def database(self) -> Path:
        """Its SQLite file."""
        return self.data_folder / "allocation.sqlite3"

    @property
    def broker_pid(self) -> int:
        """The process id of its broker."""
        pid: int = json.loads((self.data_folder / "broker.pid.json").read_text())["pid"]
        return pid

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running().pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def environment(self) -> dict[str, str]:
        """Answer what it is started with: none of the caller's settings, all of its own."""
        settings = {
            "data_folder": self.data_folder,
            "grpc_port": self.grpc_port,
            "nats_port": self.nats_port,
            "admin_port": self.admin_port,
            "log_format": "json",
        } | self.settings
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ALLOCATION_")}
        return inherited | self.variables | {f"ALLOCATION_{name.upper()}": str(value) for name, value in settings.items()}

    def start(self) -> Self:
        """Start it and wait until it serves.

        Raises:
            AssertionError: it ended, or did not serve in time; its log is in the message.

        """
        self.launch()
        deadline = time.monotonic() + START_SECONDS
        while not self.serves():
            if self._running().poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the service does not serve:\n{self.log.read_text()}")
        return self

    def launch(self) -> None:
        """Start it and do not wait."""
        assert self._process is None, "the service runs already"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                dying_with_us([sys.executable, *self.command]),
                env=self.environment(),
                stdout=output,
                stderr=output,
                process_group=0 if self.own_group else None,
            )

    def channel(self) -> grpc.Channel:
        """Open a channel to it."""
        return grpc.insecure_channel(self.grpc_address)

    def serves(self) -> bool:
        """Whether its health is SERVING; waits a moment for it to be."""
        with self.channel() as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(), timeout=_HEALTH_SECONDS, wait_for_ready=True
                )
            except grpc.RpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    @contextmanager
    def stub(self) -> Iterator[stubs.AllocationServiceStub]:
        """Call it."""
        with self.channel() as channel:
            yield stubs.AllocationServiceStub(channel)

    def interrupt(self) -> int:
        """End it as Ctrl-C does, and answer its exit status."""
        return self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill it: its broker lives on as an orphan."""
        self._end(signal.SIGKILL)

    def send(self, how: signal.Signals) -> None:
        """Send it a signal, to all of its group if it leads one, and do not wait."""
        if self.own_group:
            os.killpg(self.pid, how)
        else:
            self._running().send_signal(how)

    def wait_for_death(self) -> int:
        """Wait until it ended by itself, and answer its exit status (negative: the signal)."""
        status = self._running().wait(START_SECONDS)
        self._process = None
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()
        self._end_broker()

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._running(), None
        process.send_signal(how)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            with suppress(subprocess.TimeoutExpired):  # Even a killed process may hang, in the kernel.
                process.wait(STOP_SECONDS)
            raise AssertionError(f"the service did not end within {STOP_SECONDS} s:\n{self.log.read_text()}") from None

    def _end_broker(self) -> None:
        with suppress(FileNotFoundError, psutil.NoSuchProcess, KeyError, ValueError):
            broker = psutil.Process(self.broker_pid)
            if str(self.data_folder) in " ".join(broker.cmdline()):
                broker.kill()
                broker.wait(STOP_SECONDS)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the service does not run"
        return self._process
