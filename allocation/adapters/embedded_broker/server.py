"""One life of the nats-server process: how it is spawned, known to be ready, and ended."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, Process, create_subprocess_exec
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import structlog

from allocation.adapters.embedded_broker.orphan import forget, remember
from allocation.adapters.embedded_broker.port import answers, port_in_use
from allocation.adapters.startup_error import StartupError

if TYPE_CHECKING:
    from allocation.adapters.embedded_broker.files import BrokerFiles
    from allocation.adapters.embedded_broker.program import Program
    from allocation.adapters.file_lock import FileLock

log = structlog.get_logger()

READY_POLL_SECONDS = 0.02
KILLED_WITHIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server process, and how long its logs were before it wrote to them."""

    process: Process
    files: BrokerFiles
    log_sizes: tuple[int, int]

    async def wait_until_ready(self, host: str, port: int, server_name: str, *, within_seconds: float) -> None:
        """Wait until this very server answers with JetStream, recovered from its store.

        Raises:
            StartupError: it ended instead, or it took too long.

        """
        deadline = asyncio.get_running_loop().time() + within_seconds
        while not await answers(host, port, server_name):
            if self.process.returncode is not None:
                # The port was free a moment ago; somebody may have been faster.
                if "address already in use" in self.last_words():
                    raise port_in_use(port)
                raise StartupError(
                    f"the embedded broker ended with status {self.process.returncode}: {self.last_words()}; "
                    f"see {self.files.log}",
                )
            if asyncio.get_running_loop().time() >= deadline:
                raise StartupError(
                    f"the embedded broker was not ready within {within_seconds:g} seconds; see {self.files.log}",
                )
            await asyncio.sleep(READY_POLL_SECONDS)

    def last_words(self) -> str:
        """Why it ended, as far as its logs say."""
        return self.files.last_words(self.log_sizes)

    async def end(self, *, within_seconds: float) -> None:
        """Let it close its store and end; kill it if it takes too long, or if we are cancelled meanwhile.

        Raises:
            TimeoutError: not even a kill ended it.

        """
        try:
            with suppress(ProcessLookupError):
                self.process.terminate()
            async with asyncio.timeout(within_seconds):
                await self.process.wait()
        except TimeoutError:
            log.warning("broker_killed", pid=self.process.pid, waited_seconds=within_seconds)
        finally:
            if self.process.returncode is None:
                with suppress(ProcessLookupError):
                    self.process.kill()
                async with asyncio.timeout(KILLED_WITHIN_SECONDS):
                    await self.process.wait()


async def spawn(program: Program, files: BrokerFiles, lock: FileLock) -> Server:
    """Start a server process that holds the lock as long as it lives, and write down which process it is.

    Raises:
        OSError: it could not be started; nothing runs.

    """
    # Before, so that what is written down is never about an earlier server while a later one holds the lock.
    forget(files)
    log_sizes = files.log_sizes()
    with files.open_crash_log() as crash_log:
        process = await create_subprocess_exec(
            *(program.path, "-c", files.configuration),
            stdin=DEVNULL,
            # A file, not a pipe: a server that outlives us must not die of a broken pipe before it closed its store.
            stdout=crash_log,
            stderr=crash_log,
            pass_fds=(lock.descriptor,),
            # A terminal sends Ctrl-C to its whole process group; the broker has to stay until we have drained.
            start_new_session=True,
        )
    try:
        remember(process.pid, files)
    except (OSError, psutil.Error):
        # It runs; to fail now would let the caller start a second one. What the server writes down itself is left.
        log.exception("broker_not_written_down", pid=process.pid)
    return Server(process, files, log_sizes)
