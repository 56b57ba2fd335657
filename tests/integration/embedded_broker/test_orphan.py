"""The broker that a killed service left behind: ended if it is certainly ours, left alone if not."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from allocation.adapters.data_folder import DataFolder
from allocation.adapters.embedded_broker import EmbeddedBroker, orphan
from allocation.adapters.file_lock import FileLock
from allocation.adapters.startup_error import StartupError
from tests.integration.embedded_broker import messages
from tests.integration.embedded_broker.processes import (
    broker_of,
    ended,
    eventually,
    orphaned_broker,
    running_broker,
    running_in,
    service,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on an unidentified holder of the lock soon."""
    monkeypatch.setattr(orphan, "IDENTIFIED_WITHIN_SECONDS", 0.1)


async def test_a_broker_that_outlives_its_service_holds_the_brokers_lock_alone(path: Path, port: int) -> None:
    broker_pid = await orphaned_broker(path, port)
    assert psutil.pid_exists(broker_pid)
    with DataFolder(path) as folder:
        assert folder.is_locked
        assert not FileLock(path / "broker.lock").take()


async def test_an_orphan_is_replaced_and_its_messages_are_kept(path: Path, port: int) -> None:
    async with service(path, port) as killed:
        broker_pid = await broker_of(killed)
        await messages.publish(f"nats://127.0.0.1:{port}")
    async with running_broker(path, port) as broker:
        assert [process.pid for process in running_in(path)] == [broker.pid]
        assert broker.pid != broker_pid
        assert await messages.is_kept(broker.url)


async def test_an_orphan_that_does_not_end_by_itself_is_killed(path: Path, port: int) -> None:
    broker_pid = await orphaned_broker(path, port)
    os.kill(broker_pid, signal.SIGSTOP)
    with DataFolder(path) as folder:
        broker = EmbeddedBroker(folder, port, stop_within_seconds=0.1)
        await broker.start()
        assert [process.pid for process in running_in(path)] == [broker.pid]
        await broker.stop()


async def test_a_service_killed_before_it_wrote_down_its_broker_is_recovered_from(path: Path, port: int) -> None:
    async with service(path, port, dies_before_record=1) as killed:
        await ended(killed)
    assert killed.returncode == -signal.SIGKILL
    assert not (path / "broker.pid.json").exists()
    left_behind = [process.pid for process in running_in(path)]
    assert len(left_behind) == 1
    async with running_broker(path, port) as broker:
        assert [process.pid for process in running_in(path)] == [broker.pid]
        assert broker.pid not in left_behind


async def test_a_service_killed_before_it_wrote_down_a_restarted_broker_is_recovered_from(
    path: Path,
    port: int,
) -> None:
    async with service(path, port, dies_before_record=2) as killed:
        os.kill(await broker_of(killed), signal.SIGKILL)
        await ended(killed)
    async with running_broker(path, port) as broker:
        assert [process.pid for process in running_in(path)] == [broker.pid]


def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def rewrite(record: Path, change: Callable[[dict[str, Any]], str]) -> None:
    record.write_text(change(json.loads(text_of(record))), encoding="utf-8")


def written_by_another(record: dict[str, Any]) -> str:
    return json.dumps(record | {"create_time": record["create_time"] - 60})


def of_no_process(record: dict[str, Any]) -> str:
    return json.dumps(record | {"pid": 2**30})


def of_another_store(record: dict[str, Any]) -> str:
    return json.dumps(record | {"store": "/elsewhere"})


def torn(record: dict[str, Any]) -> str:
    return json.dumps(record)[:10]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (written_by_another, "began at another time"),
        (of_no_process, "is not there"),
        (of_another_store, "it is about another store, /elsewhere"),
        (torn, "it is unreadable"),
    ],
)
async def test_a_broker_that_is_not_certainly_ours_is_left_alone(
    path: Path,
    port: int,
    change: Callable[[dict[str, Any]], str],
    reason: str,
) -> None:
    broker_pid = await orphaned_broker(path, port)
    record = path / "broker.pid.json"
    rewrite(record, change)
    changed = text_of(record)
    with DataFolder(path) as folder, pytest.raises(StartupError) as refusal:
        await EmbeddedBroker(folder, port).start()
    assert str(record) in str(refusal.value)
    assert reason in str(refusal.value)
    assert str(refusal.value).endswith(f"stop the nats-server that uses {path / 'jetstream'}, then start again")
    assert "\n" not in str(refusal.value)
    assert [process.pid for process in running_in(path)] == [broker_pid]
    assert text_of(record) == changed


@pytest.mark.usefixtures("impatient")
async def test_a_stranger_that_got_the_pid_of_our_broker_is_left_alone(path: Path, port: int) -> None:
    broker_pid = await orphaned_broker(path, port)
    stranger = await asyncio.create_subprocess_exec("/bin/sh", "-c", "read forever", stdin=PIPE)
    try:
        began = {"pid": stranger.pid, "create_time": psutil.Process(stranger.pid).create_time()}
        rewrite(path / "broker.pid.json", lambda record: json.dumps(record | began))
        with DataFolder(path) as folder, pytest.raises(StartupError, match=f"process {stranger.pid} was not started"):
            await EmbeddedBroker(folder, port).start()
        assert [process.pid for process in running_in(path)] == [broker_pid]
        assert stranger.returncode is None
    finally:
        stranger.kill()
        await ended(stranger)


@pytest.mark.usefixtures("impatient")
async def test_a_lock_holder_that_nobody_wrote_down_is_left_alone(
    path: Path,
    port: int,
) -> None:
    with DataFolder(path) as folder:
        stranger = FileLock(path / "broker.lock")
        assert stranger.take()
        with pytest.raises(StartupError, match="does not tell which \\(it is missing\\)"):
            await EmbeddedBroker(folder, port).start()
        stranger.release()
    assert running_in(path) == []


async def test_a_second_broker_of_one_process_is_refused_and_the_first_lives_on(path: Path, port: int) -> None:
    with DataFolder(path) as folder:
        first = EmbeddedBroker(folder, port)
        await first.start()
        with pytest.raises(StartupError, match="this process already runs a broker"):
            await EmbeddedBroker(folder, port + 1).start()
        assert [process.pid for process in running_in(path)] == [first.pid]
        await first.stop()


async def test_what_a_dead_broker_left_written_down_is_ignored(path: Path, port: int) -> None:
    broker_pid = await orphaned_broker(path, port)
    psutil.Process(broker_pid).kill()
    await eventually(lambda: running_in(path) == [])
    (path / "broker.pid.json").write_text("nonsense", encoding="utf-8")
    async with running_broker(path, port) as broker:
        assert [process.pid for process in running_in(path)] == [broker.pid]
