"""A data folder with the books of a busy day, written by the service's own parts, for tests that tamper with them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged

from allocation.adapters.sql.sqlite import open_sqlite
from allocation.connections import DATABASE_FILE
from allocation.domain.commands import ChangeBatchQuantity, CreateBatch
from allocation.entrypoints.inbound_envelope import envelope_of
from allocation.service_layer.housekeeping import ObserveStream
from allocation.service_layer.messagebus import MessageBus
from allocation.service_layer.streams import StreamState
from allocation.settings import Settings, read_settings
from tests.unit.house import INBOUND, TOMORROW, allocate, asked, message_of, place, recorder

if TYPE_CHECKING:
    from pathlib import Path

    from allocation.adapters.sql.sqlite_store import SqliteStore
    from allocation.domain.commands import Command
    from allocation.service_layer.envelope import Envelope
    from allocation.service_layer.messagebus import GroupOutcome
    from allocation.service_layer.store import Transaction

DAY: list[Command] = [
    CreateBatch("rugs-1", "RUG", 10),
    CreateBatch("rugs-2", "RUG", 6, TOMORROW),
    CreateBatch("lamps", "LAMP", 5),
    allocate("o1", "RUG", 3),
    allocate("o2", "RUG", 3),
    allocate("o3", "RUG", 3),
    allocate("o4", "LAMP", 4),
    allocate("o5", "LAMP", 4),
    place("o6", RUG=20, LAMP=9),
    ChangeBatchQuantity("rugs-1", 7),
    ChangeBatchQuantity("rugs-2", 4),
    allocate("o7", "RUG", 1),
]


def settings_of(folder: Path, **given: object) -> Settings:
    """The settings of a service on this folder."""
    named = {f"ALLOCATION_{name.upper()}": str(value) for name, value in given.items()}
    return read_settings({"ALLOCATION_DATA_FOLDER": str(folder)} | named)


async def keep_books(folder: Path, *, steps_max: int = 1_000) -> None:
    """Carry out a day, and what comes over the stream."""
    async with open_sqlite(folder / DATABASE_FILE) as (store, _):
        bus = MessageBus(recorder(), promises_per_transaction_max=steps_max)
        await _do(store, bus, *map(asked, [*DAY, ObserveStream(StreamState(INBOUND, "monday", 0))]))
        await _do(store, bus, *_messages())


def forge(folder: Path, *statements: str) -> None:
    """Tamper with a database that nobody uses; its checks look away."""
    with closing(sqlite3.connect(folder / DATABASE_FILE, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        for statement in statements:
            connection.execute(statement)


def rows_of(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Look into the database."""
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection:
        return connection.execute(query).fetchall()


def _messages() -> list[Envelope]:
    created = message_of(BatchCreated(batch_reference="desks", sku="DESK", purchased_quantity=3), 1)
    changed = message_of(BatchQuantityChanged(batch_reference="desks", quantity=2), 2)
    undecodable = message_of(BatchCreated(batch_reference="", sku="DESK", purchased_quantity=3), 3)
    return [envelope_of(message, 1, lambda: "new-id") for message in (created, changed, undecodable)]


async def _do(store: SqliteStore, bus: MessageBus, *envelopes: Envelope) -> None:
    for envelope in envelopes:

        def carry_out(transaction: Transaction, one: Envelope = envelope) -> GroupOutcome:
            return bus.handle([one], transaction)

        await store.transact(carry_out)
