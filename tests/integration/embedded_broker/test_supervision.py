"""A broker that dies is started again; one that is stopped leaves nothing."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
from typing import TYPE_CHECKING

import psutil
import pytest

from allocation.adapters.data_folder import DataFolder
from allocation.adapters.embedded_broker import EmbeddedBroker
from allocation.adapters.embedded_broker import broker as broker_module
from allocation.adapters.embedded_broker.broker import backoff_seconds
from allocation.adapters.embedded_broker.server import Server, spawn
from allocation.adapters.file_lock import FileLock
from tests.integration.embedded_broker import messages
from tests.integration.embedded_broker.processes import eventually, names_in, running_broker, running_in

if TYPE_CHECKING:
    from pathlib import Path


def killed(broker: EmbeddedBroker) -> int:
    """Kill a broker that runs, and answer the pid it had."""
    assert broker.pid
    os.kill(broker.pid, signal.SIGKILL)
    return broker.pid


async def test_a_killed_broker_is_started_again_with_its_messages(path: Path, port: int) -> None:
    async with running_broker(path, port) as broker:
        await messages.publish(broker.url)
        for deaths in (1, 2, 3):
            pid = killed(broker)
            await eventually(lambda: broker.restarts == deaths)  # noqa: B023  # awaited before the next turn
            assert [process.pid for process in running_in(path)] == [broker.pid]
            assert broker.pid != pid
            assert json.loads((path / "broker.pid.json").read_text(encoding="utf-8"))["pid"] == broker.pid
            assert await messages.is_kept(broker.url)
    assert running_in(path) == []


async def test_a_broker_that_cannot_be_started_again_at_once_is_started_later(
    path: Path,
    port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attempts = itertools.count(1)

    async def spawn_at_the_third_attempt(*parts: object) -> Server:
        if next(attempts) < 3:
            raise BlockingIOError("no more processes")
        return await spawn(*parts)  # type: ignore[arg-type]

    async with running_broker(path, port) as broker:
        monkeypatch.setattr(broker_module, "spawn", spawn_at_the_third_attempt)
        killed(broker)
        await eventually(lambda: broker.restarts)
        assert next(attempts) == 4
        assert [process.pid for process in running_in(path)] == [broker.pid]


def test_the_waits_between_starts_double_up_to_a_limit() -> None:
    assert [*itertools.islice(backoff_seconds(), 8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


async def test_a_stopped_broker_leaves_neither_process_nor_lock_nor_port(path: Path, port: int) -> None:
    async with running_broker(path, port) as broker:
        pass
    assert broker.pid is None
    assert running_in(path) == []
    lock = FileLock(path / "broker.lock")
    assert lock.take()
    lock.release()
    with socket.create_server(("127.0.0.1", port)):
        pass
    assert names_in(path).isdisjoint({"broker.pid", "broker.pid.json"})


async def test_a_stopped_broker_closed_its_store_in_order(path: Path, port: int) -> None:
    async with running_broker(path, port):
        pass
    assert "Server Exiting.." in (path / "broker.log").read_text(encoding="utf-8")


async def test_stopping_twice_or_before_a_start_does_nothing(path: Path, port: int) -> None:
    with DataFolder(path) as folder:
        broker = EmbeddedBroker(folder, port)
        await broker.stop()
        await broker.start()
        await asyncio.gather(broker.stop(), broker.stop())
        await broker.stop()
    assert running_in(path) == []


async def test_a_stopped_broker_can_be_started_again_with_its_messages(path: Path, port: int) -> None:
    with DataFolder(path) as folder:
        broker = EmbeddedBroker(folder, port)
        await broker.start()
        await messages.publish(broker.url)
        await broker.stop()
        await broker.start()
        assert await messages.is_kept(broker.url)
        await broker.stop()


async def test_a_broker_that_does_not_end_by_itself_is_killed(path: Path, port: int) -> None:
    with DataFolder(path) as folder:
        broker = EmbeddedBroker(folder, port, stop_within_seconds=0.1)
        await broker.start()
        assert broker.pid
        os.kill(broker.pid, signal.SIGSTOP)
        await broker.stop()
    assert running_in(path) == []


async def test_a_stop_that_is_cancelled_still_ends_the_broker(path: Path, port: int) -> None:
    with DataFolder(path) as folder:
        broker = EmbeddedBroker(folder, port)
        await broker.start()
        assert broker.pid
        os.kill(broker.pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(broker.stop(), 0.05)
    assert running_in(path) == []


async def test_a_broker_that_dies_while_it_is_stopped_stays_dead(path: Path, port: int) -> None:
    async with running_broker(path, port) as broker:
        pid = killed(broker)
    assert not psutil.pid_exists(pid)
    assert running_in(path) == []


async def test_a_stop_in_the_middle_of_a_restart_leaves_nothing(path: Path, port: int) -> None:
    async with running_broker(path, port) as broker:
        killed(broker)
        await eventually(lambda: not (path / "broker.pid.json").exists() or broker.restarts)
    assert running_in(path) == []
