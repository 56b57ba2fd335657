"""Real processes for these tests: services to be killed, and a look at which of them still run."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from allocation.adapters.data_folder import DataFolder
from allocation.adapters.embedded_broker import EmbeddedBroker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ROOT = Path(__file__).resolve().parents[3]
WITHIN_SECONDS = 20.0


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until the condition holds; fail after a deadline."""
    async with asyncio.timeout(WITHIN_SECONDS):
        while not condition():  # noqa: ASYNC110  # another process does what is waited for and cannot set an event
            await asyncio.sleep(0.005)


def running_in(folder: Path) -> list[psutil.Process]:
    """Every live process, but this one, that names something in the folder on its command line."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            names_it = any(str(folder) in argument for argument in process.cmdline())
            if names_it and process.pid != psutil.Process().pid and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def names_in(folder: Path) -> set[str]:
    """Name what lies in the folder."""
    return {entry.name for entry in folder.iterdir()}


@asynccontextmanager
async def running_broker(path: Path, port: int) -> AsyncIterator[EmbeddedBroker]:
    """A started broker in a locked folder, stopped at the end."""
    with DataFolder(path) as folder:
        broker = EmbeddedBroker(folder, port)
        await broker.start()
        try:
            yield broker
        finally:
            await broker.stop()


@asynccontextmanager
async def service(path: Path, port: int, *, dies_before_record: int = 0) -> AsyncIterator[Process]:
    """Run a service in a process of its own until it is killed at the end, unless it dies before.

    `dies_before_record` 1 or 2 lets it die right after it has spawned its first or second broker.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.embedded_broker.service", str(path), str(port)),
        str(dies_before_record),
        stdout=PIPE,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await ended(process)


async def ended(process: Process) -> None:
    """Wait until a child of ours is gone, and close what we read of it."""
    async with asyncio.timeout(WITHIN_SECONDS):
        await process.communicate()


async def broker_of(process: Process) -> int:
    """Wait until a service has started its broker, and answer the pid of that."""
    assert process.stdout
    async with asyncio.timeout(WITHIN_SECONDS):
        return int(await process.stdout.readline())


async def orphaned_broker(path: Path, port: int) -> int:
    """Leave a broker behind by killing its service, and answer its pid."""
    async with service(path, port) as process:
        return await broker_of(process)
