"""A nats-server process of a test's own, on a free port and a store of its own. It can be killed, restarted and frozen."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from examples.world.processes import dying_with_us
from tests.ports import free_port

_POLL_SECONDS = 0.01


class NatsServer:
    """One server with JetStream; `start` returns when it answers, and every way of ending it goes by its own pid.

    All methods block; start it from a thread that lives as long as it should, the main one.

    `folder` takes configuration, log and store. The store and the port stay the same over restarts. `settings` are lines for
    the configuration file, `jetstream_settings` for its jetstream block.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: str = "",
        jetstream_settings: str = "",
        deadline_seconds: float = 10.0,
    ) -> None:
        self.port = free_port()
        self.folder = folder
        self.log = folder / "server.log"
        self._settings = settings
        self._jetstream_settings = jetstream_settings
        self._deadline_seconds = deadline_seconds
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def store(self) -> Path:
        """Where it keeps its streams."""
        return self.folder / "store"

    @property
    def is_running(self) -> bool:
        """Whether it was started, and neither ended by us nor by itself."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self._running().pid

    def start(self) -> None:
        """Start on the store that is there, and wait until it answers.

        Raises:
            RuntimeError: it ended, or did not answer before the deadline; its log is in the message.

        """
        if self._process is not None:
            raise RuntimeError("the server runs already")
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "server.conf"
        configuration.write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{self.store}", sync_interval: always\n{self._jetstream_settings} }}\n'
            f"feature_flags {{ js_ack_fc_v2: false }}\n{self._settings}\n"
        )
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 -- our own binary with our own file
                dying_with_us([_binary(), "-c", str(configuration)]), stdout=output, stderr=output
            )
        deadline = time.monotonic() + self._deadline_seconds
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"nats-server did not come up:\n{self.log.read_text()}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """End it as an operator would, and by force after the deadline; nothing happens when it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a chance to tidy up; nothing happens when it does not run."""
        self._end(signal.SIGKILL)

    def retire(self) -> None:
        """End it as before an upgrade: it hands on what it leads, sends its clients away, and ends (lame duck mode)."""
        self._end(signal.SIGUSR2)

    def forget_everything(self) -> None:
        """Throw its store away; it must not run."""
        if self._process is not None:
            raise RuntimeError("the server runs")
        shutil.rmtree(self.store)

    def restart(self) -> None:
        """Kill it and start it again on the same store and port."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Freeze it: its connections stay open and silent."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._running().send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)  # A frozen process ends only when it wakes.
        try:
            process.wait(self._deadline_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(self._deadline_seconds)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return b'"jetstream":true' in connection.recv(65_536)
        except OSError:
            return False


def _binary() -> str:
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise RuntimeError("no nats-server beside the interpreter nor on PATH")
    return found
