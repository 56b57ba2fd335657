"""Those who write reach the state through the service that uses it, or hold its lock: nobody else does meanwhile."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import psutil
import pytest
from stock.allocation.admin.v1.admin_service_pb2 import DescribeRequest, DiscardParkedRequest, ParkedPlace

from allocation.adapters.data_folder import DataFolder, DataFolderInUseError
from allocation.adapters.startup_error import StartupError
from allocation.bootstrap import admin_alone
from allocation.connections import open_store
from allocation.operators.mending import NotServedError, mending
from tests.integration.operators.ledger import keep_books, rows_of, settings_of
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def _door_of(folder: Path) -> AsyncIterator[int]:
    """Open the operators' door of another state, and answer its port."""
    async with admin_alone(settings_of(folder), needs_broker=False) as address:
        yield int(address.rpartition(":")[2])


def _listening() -> set[tuple[str, int]]:
    connections = psutil.Process().net_connections("inet")
    return {(one.laddr.ip, one.laddr.port) for one in connections if one.status == psutil.CONN_LISTEN}


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """The books of a day, one message parked."""
    await keep_books(tmp_path)
    return tmp_path


async def test_while_no_service_runs_they_hold_the_lock_until_they_are_done(folder: Path) -> None:
    settings = settings_of(folder)
    async with mending(settings) as stub:
        with pytest.raises(DataFolderInUseError, match=f"pid {os.getpid()}"), DataFolder(folder):
            pass
        with pytest.raises(DataFolderInUseError):
            async with open_store(settings):
                pass
        ((stream, incarnation, sequence),) = rows_of(folder, "SELECT stream, incarnation, sequence FROM parked_messages")
        place = ParkedPlace(stream=stream, incarnation=incarnation, sequence=sequence)
        assert (await stub.DiscardParked(DiscardParkedRequest(places=[place], reason="seen"))).discarded == 1
    assert rows_of(folder, "SELECT ending, ending_detail FROM parked_messages") == [("discarded", "seen")]
    with DataFolder(folder):
        pass


async def test_a_door_that_is_made_for_the_moment_is_on_loopback_alone(folder: Path) -> None:
    before = _listening()
    async with mending(settings_of(folder)) as stub:
        assert (await stub.Describe(DescribeRequest())).process_id == os.getpid()
        ((address, _),) = _listening() - before
        assert address.removeprefix("::ffff:") == "127.0.0.1"


async def test_a_service_that_does_not_answer_where_it_should_is_told(folder: Path) -> None:
    settings = settings_of(folder, admin_port=free_port())
    with DataFolder(folder), pytest.raises(NotServedError, match=f"nothing answers on 127.0.0.1:{settings.admin_port}"):
        async with mending(settings):
            pass


async def test_another_service_than_the_one_that_uses_the_state_is_not_written_through(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    await keep_books(other)
    with DataFolder(folder):
        (folder / "service.lock").write_text("1\n")  # As if the process that holds it were another one.
        async with _door_of(other) as port:
            settings = settings_of(folder, admin_port=port)
            with pytest.raises(NotServedError, match=f"is process 1, and process {os.getpid()} answers on port {port}"):
                async with mending(settings):
                    pass


async def test_nothing_is_created_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="there is no database"):
        async with mending(settings_of(tmp_path / "mistyped")):
            pass
    assert not (tmp_path / "mistyped").exists()
