"""Processes that the world consists of: each writes to files of its own, and ends with the world."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from examples.world.programs import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

END_SECONDS = 15
START_SECONDS = 30
# Has the kernel end a process with the thread that started it: whoever is killed ends nothing. It asks for that
# (PR_SET_PDEATHSIG, SIGKILL) and then becomes the program, with the same pid; fork hooks are frowned upon by now.
_BECOME_PROGRAM = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.getppid() == int(sys.argv[1]) or sys.exit(1); "
    "os.execvp(sys.argv[2], sys.argv[2:])"
)


def dying_with_us(command: Sequence[str]) -> list[str]:
    """Wrap a command so that it does not outlive this process; on Linux, elsewhere it is as it was."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _BECOME_PROGRAM, str(os.getpid()), *command]


class Process:
    """One process; started again it goes on writing to the same files. Use it as a context manager."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._command = list(command)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ALLOCATION_")}
        self._environment = inherited | dict(environment or {})
        self._printed, self._said = folder / f"{name}.out", folder / f"{name}.err"
        self._printed.write_bytes(b"")
        self._read = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.figures: dict[str, Any] = {}

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, or start it again."""
        with self._printed.open("ab") as printed, self._said.open("ab") as said:
            printed.write(b"\n")  # a line that a kill has torn ends here
            printed.flush()
            self._process = subprocess.Popen(  # noqa: S603 - the project's own programs
                dying_with_us(self._command), cwd=ROOT, env=self._environment, stdout=printed, stderr=said
            )

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, by force if it does not follow."""
        if self._process is None:
            return
        self._process.send_signal(how)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        self._process.kill()
        self._process.wait()
        self._process = None

    def news(self) -> list[dict[str, Any]]:
        """Read the JSON lines that it printed since the last time; figures are kept, all else is answered."""
        with self._printed.open("rb") as printed:
            printed.seek(self._read)
            complete = printed.read().rpartition(b"\n")[0]
        self._read += len(complete) + 1 if complete else 0
        lines = []
        for line in complete.splitlines():
            with suppress(ValueError):  # empty, or torn
                lines.append(json.loads(line))
        for line in lines:
            self.figures = line.get("figures", self.figures)
        return [line for line in lines if "figures" not in line]

    def last_words(self) -> str:
        """Read the end of what it wrote to standard error."""
        return self._said.read_text(errors="replace")[-1500:]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def nats_server(folder: Path, port: int) -> Process:
    """Make the broker: JetStream that keeps what it acknowledges."""
    configuration = folder / "nats-server.conf"
    configuration.write_text(
        f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{folder / "streams"}", sync_interval: always }}\n'
        "feature_flags { js_ack_fc_v2: false }\n"
    )
    beside = Path(sys.executable).with_name("nats-server")
    binary = str(beside) if beside.exists() else shutil.which("nats-server") or sys.exit("nats-server is not installed")
    return Process("nats-server", [binary, "-c", str(configuration)], folder)


def allocation_service(folder: Path, nats_port: int, grpc_port: int) -> Process:
    """Make the service, on that broker."""
    environment = {
        "ALLOCATION_DATA_FOLDER": str(folder / "allocation-data"),
        "ALLOCATION_NATS_URLS": f"nats://127.0.0.1:{nats_port}",
        "ALLOCATION_GRPC_PORT": str(grpc_port),
        "ALLOCATION_ADMIN_PORT": str(free_port()),
        "ALLOCATION_SHUTDOWN_SECONDS": "2",
    }
    return Process("allocation", [sys.executable, "-m", "allocation", "serve"], folder, environment)


def free_port() -> int:
    """Find a port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(process: Process, port: int) -> None:
    """Wait until a process listens; exits with what it said if it does not."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.is_running:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    sys.exit(f"{process.name} does not listen on {port}:\n{process.last_words()}")
