"""Starts the broker, starts it again when it dies, and stops it; the store it runs on is never shared by two."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

import structlog

from allocation.adapters.embedded_broker.files import BrokerFiles
from allocation.adapters.embedded_broker.orphan import forget, take_over
from allocation.adapters.embedded_broker.port import check_address
from allocation.adapters.embedded_broker.program import Program, find_program
from allocation.adapters.embedded_broker.server import Server, spawn
from allocation.adapters.file_lock import FileLock
from allocation.adapters.startup_error import StartupError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from allocation.adapters.data_folder import DataFolder

log = structlog.get_logger()

BACKOFF_SECONDS_MIN = 0.1
BACKOFF_SECONDS_MAX = 5.0
# A broker that lived this long has not died of how it was started: the waits begin at the shortest again.
HEALTHY_AFTER_SECONDS = 30.0
SUPERVISOR_ENDED_WITHIN_SECONDS = 5.0


class EmbeddedBroker:
    """A nats-server with JetStream as our child, on the store in a locked data folder.

    It outlives us only if we are killed; the next start then ends it. `restarts` counts how often it died and was
    started again. `file_store_bytes_max` limits what all streams may hold together; less, if the disk is small.
    `ready_within_seconds` includes the time to recover a large store.
    """

    def __init__(  # noqa: PLR0913  # each is a setting of its own, all but three by keyword
        self,
        folder: DataFolder,
        port: int,
        host: str = "127.0.0.1",
        *,
        file_store_bytes_max: int = 10 * 2**30,
        ready_within_seconds: float = 60.0,
        stop_within_seconds: float = 10.0,
    ) -> None:
        self.restarts = 0
        self._folder = folder
        self._host = host
        self._port = port
        self._file_store_bytes_max = file_store_bytes_max
        self._ready_within_seconds = ready_within_seconds
        self._stop_within_seconds = stop_within_seconds
        self._files = BrokerFiles(folder.path)
        self._lock = FileLock(self._files.lock)
        self._is_started = False
        self._server: Server | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._stopping = asyncio.Lock()

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://{self._host}:{self._port}"

    @property
    def file_store_bytes_max(self) -> int:
        """What all streams may hold together on this disk: what was asked for, or less."""
        return min(self._file_store_bytes_max, self._files.file_store_room_bytes())

    @property
    def pid(self) -> int | None:
        """The process id of the broker that runs, or ran last; None before the start and after the stop."""
        return self._server.process.pid if self._server else None

    async def start(self) -> None:
        """End an orphan, start the broker and wait until it answers; from then on it is kept running.

        If this fails or is cancelled, nothing is left running.

        Raises:
            StartupError: why it cannot run, in one line.
            RuntimeError: the data folder is not locked, or this was started before and not stopped.

        """
        if not self._folder.is_locked:
            raise RuntimeError(f"lock {self._folder.path} before a broker is started in it")
        if self._is_started:
            raise RuntimeError("the broker was already started")
        self._is_started = True
        try:
            program = await asyncio.to_thread(find_program)
            await take_over(self._lock, self._files, stop_within_seconds=self._stop_within_seconds)
            server = await self._start_first(program)
        except OSError as error:
            await self.stop()
            raise StartupError(f"the embedded broker cannot be started: {error}") from error
        except BaseException:
            await self.stop()
            raise
        self._supervisor = asyncio.create_task(self._supervise(program, server), name="embedded broker")
        log.info(
            "broker_started",
            pid=server.process.pid,
            url=self.url,
            program=str(program.path),
            version=program.version,
        )

    async def stop(self) -> None:
        """Let the broker close its store and end; kill it if it takes too long. Harmless if nothing runs.

        Raises:
            TimeoutError: not even a kill ended it; what is written down of it is kept for the next start.

        """
        async with self._stopping:
            try:
                if self._supervisor:
                    self._supervisor.cancel()
                    await asyncio.wait([self._supervisor], timeout=SUPERVISOR_ENDED_WITHIN_SECONDS)
            finally:
                self._supervisor = None
                await self._end_server()

    async def _end_server(self) -> None:
        try:
            if self._server:
                await self._server.end(within_seconds=self._stop_within_seconds)
                forget(self._files)
                log.info("broker_stopped", pid=self._server.process.pid)
        finally:
            self._server = None
            self._lock.release()
            self._is_started = False

    async def _start_first(self, program: Program) -> Server:
        check_address(self._host, self._port)
        # Of this start alone, so that no other server, be it another of ours, can answer in its place.
        server_name = f"allocation-{secrets.token_hex(4)}"
        self._files.write_configuration(
            server_name=server_name,
            host=self._host,
            port=self._port,
            file_store_bytes_max=self.file_store_bytes_max,
        )
        self._server = await spawn(program, self._files, self._lock)
        await self._server.wait_until_ready(
            self._host,
            self._port,
            server_name,
            within_seconds=self._ready_within_seconds,
        )
        return self._server

    async def _supervise(self, program: Program, server: Server) -> None:
        clock = asyncio.get_running_loop().time
        waits = backoff_seconds()
        while True:
            began = clock()
            status = await server.process.wait()
            log.error("broker_died", pid=server.process.pid, status=status, last_words=server.last_words())
            if clock() - began >= HEALTHY_AFTER_SECONDS:
                waits = backoff_seconds()
            server = await self._start_again(program, waits)

    async def _start_again(self, program: Program, waits: Iterator[float]) -> Server:
        while True:
            seconds = next(waits)
            await asyncio.sleep(seconds)
            try:
                self._server = await spawn(program, self._files, self._lock)
            except OSError:
                # A full disk or process table may be over in a moment.
                log.exception("broker_not_restarted", waited_seconds=seconds)
            else:
                self.restarts += 1
                log.info("broker_restarted", pid=self.pid, restarts=self.restarts, waited_seconds=seconds)
                return self._server


def backoff_seconds() -> Iterator[float]:
    """Tell how long to wait before each attempt: twice as long each time, up to a limit, without end."""
    seconds = BACKOFF_SECONDS_MIN
    while True:
        yield seconds
        seconds = min(2 * seconds, BACKOFF_SECONDS_MAX)
