"""The broker that a killed service left behind: which process it is, and how it ends before the next one starts."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import structlog

from allocation.adapters.embedded_broker.files import replace_text
from allocation.adapters.startup_error import StartupError

if TYPE_CHECKING:
    from allocation.adapters.embedded_broker.files import BrokerFiles
    from allocation.adapters.file_lock import FileLock

log = structlog.get_logger()

POLL_SECONDS = 0.02
# A broker whose service died while it started needs a moment until it has written its own pid file.
IDENTIFIED_WITHIN_SECONDS = 3.0
KILLED_WITHIN_SECONDS = 5.0
# The same process is reported up to a second apart when the clock is adjusted.
CREATE_TIME_TOLERANCE_SECONDS = 2.0


class NotIdentifiedError(Exception):
    """Why a process cannot be said to be our broker."""


def remember(pid: int, files: BrokerFiles) -> None:
    """Write down which process runs on the store; nothing if it is already gone."""
    with suppress(psutil.NoSuchProcess):
        created = psutil.Process(pid).create_time()
        replace_text(files.record, json.dumps({"pid": pid, "create_time": created, "store": str(files.store)}))


def forget(files: BrokerFiles) -> None:
    """Remove what was written down, by us and by the server, so that it is never taken for a later broker."""
    files.record.unlink(missing_ok=True)
    files.server_pid.unlink(missing_ok=True)


async def take_over(lock: FileLock, files: BrokerFiles, *, stop_within_seconds: float) -> None:
    """Take the broker's lock, and end the orphan that holds it, if there is one. `service.lock` must be held.

    Raises:
        StartupError: the holder cannot be told to be an orphan of this folder, or would not end. If it is not certain
            it is not touched: killing a stranger is worse than not starting.

    """
    orphan = await _identify_holder(lock, files)
    if orphan is None:
        return
    log.warning("orphaned_broker_found", pid=orphan.pid, store=str(files.store))
    with suppress(psutil.NoSuchProcess):
        orphan.terminate()
    if not await _taken_within(lock, stop_within_seconds):
        with suppress(psutil.NoSuchProcess):
            orphan.kill()
        if not await _taken_within(lock, KILLED_WITHIN_SECONDS):
            raise StartupError(
                f"the broker that an earlier service left behind (pid {orphan.pid}) does not end; kill it, then start again",
            )
    log.info("orphaned_broker_ended", pid=orphan.pid)


async def _identify_holder(lock: FileLock, files: BrokerFiles) -> psutil.Process | None:
    """Tell which process holds the lock; None if nobody does any more, and then it is taken."""
    deadline = asyncio.get_running_loop().time() + IDENTIFIED_WITHIN_SECONDS
    while not lock.take():
        try:
            orphan = _read_record(files) if files.record.exists() else _read_server_pid(files)
        except NotIdentifiedError as error:
            if asyncio.get_running_loop().time() >= deadline:
                raise StartupError(
                    f"a broker still holds {files.lock}, but {files.record} does not tell which ({error}); "
                    f"stop the nats-server that uses {files.store}, then start again",
                ) from error
            await asyncio.sleep(POLL_SECONDS)
        else:
            return orphan
    return None


def _read_record(files: BrokerFiles) -> psutil.Process:
    try:
        record = json.loads(files.record.read_text(encoding="utf-8"))
        pid, created, store = int(record["pid"]), float(record["create_time"]), str(record["store"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise NotIdentifiedError("it is unreadable") from error
    if store != str(files.store):
        raise NotIdentifiedError(f"it is about another store, {store}")
    process = _our_server(pid, files)
    if abs(process.create_time() - created) > CREATE_TIME_TOLERANCE_SECONDS:
        raise NotIdentifiedError(f"process {pid} began at another time")
    return process


def _read_server_pid(files: BrokerFiles) -> psutil.Process:
    """Read what the server wrote by itself, for a service that died before it had written its record."""
    try:
        pid = int(files.server_pid.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotIdentifiedError("it is missing") from error
    return _our_server(pid, files)


def _our_server(pid: int, files: BrokerFiles) -> psutil.Process:
    try:
        process = psutil.Process(pid)
        arguments, parent = process.cmdline()[1:], process.ppid()
    except psutil.Error as error:
        raise NotIdentifiedError(f"process {pid} is not there, or not ours to see") from error
    if arguments != ["-c", str(files.configuration)]:
        raise NotIdentifiedError(f"process {pid} was not started with {files.configuration}")
    if parent == os.getpid():
        raise StartupError(f"this process already runs a broker in {files.folder} (pid {pid}); start only one")
    return process


async def _taken_within(lock: FileLock, seconds: float) -> bool:
    deadline = asyncio.get_running_loop().time() + seconds
    while not lock.take():
        if asyncio.get_running_loop().time() >= deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True
