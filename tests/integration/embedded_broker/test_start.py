"""When the broker counts as started, and what is said when it cannot be."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from allocation.adapters.data_folder import DataFolder
from allocation.adapters.embedded_broker import EmbeddedBroker, files, server
from allocation.adapters.embedded_broker import broker as broker_module
from allocation.adapters.embedded_broker.port import answers
from allocation.adapters.embedded_broker.program import find_program
from allocation.adapters.startup_error import StartupError
from tests.integration.embedded_broker import messages
from tests.integration.embedded_broker.processes import WITHIN_SECONDS, eventually, names_in, running_broker, running_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class DiskUsage(NamedTuple):
    """What a disk says of itself, in bytes."""

    total: int
    used: int
    free: int


@pytest.fixture
async def foreign_server(tmp_path: Path, port: int) -> AsyncIterator[str]:
    """Name a nats-server with JetStream that somebody else runs on the port."""
    foreign = await asyncio.create_subprocess_exec(
        *(find_program().path, "--name", "foreign", "--addr", "127.0.0.1", "--port", str(port)),
        *("--jetstream", "--store_dir", tmp_path / "foreign", "--log", tmp_path / "foreign.log"),
    )
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            while not await answers("127.0.0.1", port, "foreign"):  # noqa: ASYNC110  # another process, no event
                await asyncio.sleep(0.005)
        yield "foreign"
        assert foreign.returncode is None
    finally:
        foreign.kill()
        await foreign.wait()


async def refusal_of(broker: EmbeddedBroker) -> str:
    """Start a broker that cannot be started, and answer the one line that says why."""
    with pytest.raises(StartupError) as refusal:
        await broker.start()
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


async def test_a_started_broker_answers_with_jetstream(path: Path, port: int) -> None:
    async with running_broker(path, port) as broker:
        assert broker.url == f"nats://127.0.0.1:{port}"
        await messages.publish(broker.url)
        assert await messages.is_kept(broker.url)


async def test_the_server_accepts_its_configuration_and_syncs_every_write(path: Path, port: int) -> None:
    async with running_broker(path, port):
        configuration = path / "broker.conf"
        check = subprocess.run(  # noqa: ASYNC221, S603  # the server itself, which needs a few milliseconds
            [find_program().path, "-t", "-c", configuration],
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_SECONDS,
        )
        assert check.returncode == 0, check.stderr
        written = json.loads(configuration.read_text(encoding="utf-8"))
        assert written["jetstream"]["sync_interval"] == "always"
        assert written["feature_flags"] == {"js_ack_fc_v2": False}
        assert (path / "jetstream").is_dir()


async def test_a_folder_name_may_hold_anything(path: Path, port: int) -> None:
    async with running_broker(path / 'it\'s "our" $FOLDER # dépôt', port) as broker:
        await messages.publish(broker.url)
        assert await messages.is_kept(broker.url)


async def test_a_terminal_does_not_reach_the_broker(path: Path, port: int) -> None:
    async with running_broker(path, port) as broker:
        assert broker.pid
        assert os.getsid(broker.pid) == broker.pid


async def test_a_port_that_a_program_listens_on_is_told_in_one_line(path: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)), DataFolder(path) as folder:
        assert await refusal_of(EmbeddedBroker(folder, port)) == (
            f"port {port} is in use by another program; stop it, or set ALLOCATION_NATS_PORT"
        )
    assert running_in(path) == []
    assert "broker.log" not in names_in(path), "a server was started to no purpose"


@pytest.mark.usefixtures("foreign_server")
async def test_a_foreign_server_on_the_port_is_not_taken_for_ours(path: Path, port: int) -> None:
    with DataFolder(path) as folder:
        assert f"port {port} is in use by another program" in await refusal_of(EmbeddedBroker(folder, port))
    assert running_in(path) == []


@pytest.mark.usefixtures("foreign_server")
async def test_a_foreign_server_that_was_faster_is_not_taken_for_ours(
    path: Path,
    port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broker_module, "check_address", lambda *_: None)
    with DataFolder(path) as folder:
        assert f"port {port} is in use by another program" in await refusal_of(EmbeddedBroker(folder, port))
    assert running_in(path) == []


async def test_a_broker_that_ends_at_once_is_told_with_its_last_words(path: Path, port: int) -> None:
    with DataFolder(path) as folder:
        (path / "jetstream").touch()
        told = await refusal_of(EmbeddedBroker(folder, port))
    assert told.startswith("the embedded broker ended with status 1: Can't start JetStream: ")
    assert told.endswith(f"; see {path / 'broker.log'}")


async def test_what_the_server_says_before_its_log_is_open_is_told(path: Path, port: int) -> None:
    with DataFolder(path) as folder:
        (path / "broker.log").symlink_to(path / "missing" / "broker.log")
        told = await refusal_of(EmbeddedBroker(folder, port))
    assert told.startswith("the embedded broker ended with status 1: ")
    assert "no such file or directory" in told


async def test_a_file_that_cannot_be_written_is_told(path: Path, port: int) -> None:
    with DataFolder(path) as folder:
        (path / "broker.conf").mkdir()
        told = await refusal_of(EmbeddedBroker(folder, port))
    assert told.startswith("the embedded broker cannot be started: [Errno 21] Is a directory: ")
    assert running_in(path) == []


async def test_a_broker_that_never_gets_ready_is_ended(
    path: Path,
    port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "answers", never)
    with DataFolder(path) as folder:
        told = await refusal_of(EmbeddedBroker(folder, port, ready_within_seconds=0.05))
    assert told == f"the embedded broker was not ready within 0.05 seconds; see {path / 'broker.log'}"
    assert running_in(path) == []


async def never(*_: object) -> bool:
    """Answer as a server that is not ready yet."""
    return False


async def test_a_start_that_is_cancelled_while_the_broker_gets_ready_leaves_nothing_running(
    path: Path,
    port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "answers", never)
    with DataFolder(path) as folder:
        starting = asyncio.create_task(EmbeddedBroker(folder, port).start())
        await eventually((path / "broker.pid").exists)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
    assert running_in(path) == []


async def test_a_start_that_is_cancelled_anywhere_leaves_nothing_running(path: Path, port: int) -> None:
    with DataFolder(path) as folder:
        broker = EmbeddedBroker(folder, port)
        after_seconds = 0.0
        while not await started_within(after_seconds, broker):
            assert running_in(path) == []
            after_seconds = 1.2 * after_seconds + 0.001
        await broker.stop()
    assert after_seconds > 0
    assert running_in(path) == []


async def started_within(seconds: float, broker: EmbeddedBroker) -> bool:
    """Start a broker, but give up after some time."""
    try:
        async with asyncio.timeout(seconds):
            await broker.start()
    except TimeoutError:
        return False
    return True


async def test_a_broker_is_started_once(path: Path, port: int) -> None:
    async with running_broker(path, port) as broker:
        with pytest.raises(RuntimeError, match="already started"):
            await broker.start()
        assert [process.pid for process in running_in(path)] == [broker.pid]


async def test_a_broker_is_started_in_a_locked_folder_only(path: Path, port: int) -> None:
    with pytest.raises(RuntimeError, match="lock"):
        await EmbeddedBroker(DataFolder(path), port).start()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "localhost"])  # noqa: S104  # to be refused
async def test_a_broker_that_others_could_reach_is_refused(path: Path, port: int, host: str) -> None:
    with DataFolder(path) as folder:
        assert "loopback" in await refusal_of(EmbeddedBroker(folder, port, host))


async def test_the_streams_are_limited_as_asked(path: Path, port: int) -> None:
    with DataFolder(path) as folder:
        broker = EmbeddedBroker(folder, port, file_store_bytes_max=2**20)
        await broker.start()
        await broker.stop()
    assert json.loads((path / "broker.conf").read_text(encoding="utf-8"))["jetstream"]["max_file_store"] == 2**20


def test_the_streams_leave_room_on_a_small_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker_files = files.BrokerFiles(DataFolder(path).path)
    broker_files.store.mkdir()
    (broker_files.store / "1.blk").write_bytes(bytes(1000))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: DiskUsage(10_000, 6_000, 4_000))
    assert broker_files.file_store_room_bytes() == 1000 + 3000
