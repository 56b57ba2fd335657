"""Rows that somebody changed by force: whoever reads them is told which they are, in one line."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from stock.allocation.v1.inbound_events_pb2 import BatchCreated

from allocation.adapters.sql.outbox_reader import OutboxReader
from allocation.adapters.sql.parked_reader import ParkedReader, ParkedWhere
from allocation.domain.commands import CreateBatch
from allocation.entrypoints.inbound_envelope import envelope_of
from allocation.service_layer.housekeeping import DiscardParked, ObserveStream
from allocation.service_layer.messagebus import MessageBus
from allocation.service_layer.records import StreamPlace
from allocation.service_layer.store import StoreUnavailableError
from allocation.service_layer.streams import StreamState
from tests.integration.stores.listening import engine_of, reading_engine_of
from tests.unit.house import INBOUND, asked, message_of, recorder

if TYPE_CHECKING:
    from allocation.adapters.sql.reader import SqlReader
    from allocation.adapters.sql.sqlite_store import SqliteStore

PLACE = StreamPlace(INBOUND, 1, 1)
BEYOND_THE_CALENDAR = 1 << 62
SAID_OF_PARKED = f"^parked message {INBOUND}/1/1 cannot be read, its row was changed by force: .*"
SAID_OF_EVENT = "^event 2 of the log cannot be read, its row was changed by force: .*"

Books = tuple["SqliteStore", "SqlReader"]


@pytest.fixture
async def books(on_sqlite: Books) -> Books:
    """A database with a parked message, which is discarded, and an event after it that waits to be published."""
    store, _ = on_sqlite
    bus = MessageBus(recorder(), promises_per_transaction_max=1_000)
    malformed = envelope_of(message_of(BatchCreated()), 1, lambda: "new-id")
    for envelope in (
        asked(ObserveStream(StreamState(INBOUND, "monday", 0))),
        malformed,
        asked(CreateBatch("batch", "RUG", 1)),
        asked(DiscardParked((PLACE,), "of no use")),
    ):
        await store.transact(lambda transaction, envelope=envelope: bus.handle([envelope], transaction))  # type: ignore[misc]
    return on_sqlite


def force(store: SqliteStore, statement: str) -> None:
    """Change rows as nobody should."""
    with closing(engine_of(store).raw_connection()) as connection:
        connection.cursor().execute("PRAGMA ignore_check_constraints=ON")
        connection.cursor().execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    "change",
    [
        f"parked_at = {BEYOND_THE_CALENDAR}",
        f"ended_at = -{BEYOND_THE_CALENDAR}",
        "parked_at = 'yesterday'",
        "reason = 'of my own'",
    ],
)
async def test_a_parked_message_is_named(books: Books, change: str) -> None:
    store, reader = books
    force(store, f"UPDATE parked_messages SET {change}")  # noqa: S608 - of this test
    parked = ParkedReader(reading_engine_of(reader))
    with pytest.raises(StoreUnavailableError, match=SAID_OF_PARKED):
        await parked.at(PLACE)
    with pytest.raises(StoreUnavailableError, match=SAID_OF_PARKED):
        await anext(parked.find(ParkedWhere(with_ended=True)))
    if "ended_at" not in change:
        with pytest.raises(StoreUnavailableError, match=SAID_OF_PARKED):
            await reader.parked_messages([PLACE])


async def test_an_event_that_waits_is_named(books: Books) -> None:
    store, reader = books
    force(store, f"UPDATE events SET occurred_at = {BEYOND_THE_CALENDAR}")  # noqa: S608 - of this test
    outbox = OutboxReader(reading_engine_of(reader))
    for read in (reader.outbox(10), outbox.waiting(), anext(outbox.public_events(9, None))):
        with pytest.raises(StoreUnavailableError, match=SAID_OF_EVENT):
            await read
