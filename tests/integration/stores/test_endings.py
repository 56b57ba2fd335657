"""What operators leave behind in the rows: endings of parked messages, events in the outbox again, quantities in the log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from allocation.adapters.sql.parked_reader import KeptMessage, ParkedReader, ParkedWhere
from allocation.service_layer.housekeeping import ParkingReason
from allocation.service_layer.records import Ending, Fence, ParkedState, StreamPlace
from allocation.service_layer.store import Changes, Footprint, StoreUnavailableError
from tests.integration.stores.examples import NOW, TOMORROW, Opened, batch, event, parked_message, product

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from allocation.adapters.sql.reader import SqlReader
    from allocation.adapters.sql.sqlite_store import SqliteStore

    OnSqlite = tuple[SqliteStore, SqlReader]

DISCARDED = Ending("discarded", "sent by a test — ❌", TOMORROW)


def place(sequence: int, incarnation: int = 1, stream: str = "INBOUND") -> StreamPlace:
    return StreamPlace(stream, incarnation, sequence)


async def test_an_ended_message_is_parked_no_more(opened: Opened) -> None:
    await opened.write(Changes(parked=[parked_message(3), replace(parked_message(4), log_position=2**40)]))
    await opened.write(Changes(ended={place(3): DISCARDED}))
    loaded = await opened.load(Footprint(places={place(3), place(4), place(5)}))
    assert loaded.parked == {
        place(3): ParkedState(is_open=False, log_position=1),
        place(4): ParkedState(is_open=True, log_position=2**40),
    }


async def test_a_message_can_be_parked_and_end_in_one_transaction(opened: Opened) -> None:
    await opened.write(Changes(parked=[parked_message(3)], ended={place(3): DISCARDED}))
    loaded = await opened.load(Footprint(places={place(3)}))
    assert loaded.parked == {place(3): ParkedState(is_open=False, log_position=1)}


async def test_parked_messages_are_read_whole_by_their_places_whatever_became_of_them(opened: Opened) -> None:
    three, four = parked_message(3), replace(parked_message(4), headers='{"ce-id": "ä"}', reason=ParkingReason.UNKNOWN_BATCH)
    await opened.write(Changes(parked=[three, four, parked_message(5)]))
    await opened.write(Changes(ended={place(4): DISCARDED}))
    found = await opened.reader.parked_messages([place(4), place(3), place(3, 2), place(3, stream="OTHER")])
    assert sorted(found, key=lambda message: message.place) == [three, four]
    assert list(await opened.reader.parked_messages([])) == []


async def test_more_parked_messages_are_read_at_once_than_an_operator_may_name(opened: Opened) -> None:
    await opened.write(Changes(parked=[parked_message(number) for number in range(1, 1_101)]))
    found = await opened.reader.parked_messages([place(number) for number in range(51, 1_101)])
    assert len(found) == 1_050


async def test_the_log_position_is_known_where_messages_are_consumed_or_batches_change(opened: Opened) -> None:
    await opened.write(
        Changes(products=[product()], new_batches=[batch("b1")], events=[event(number) for number in range(1, 8)])
    )
    assert (await opened.load(Footprint(places={place(1)}))).log_position == 7
    assert (await opened.load(Footprint(batches={"b1"}, changed_batches={"b1"}))).log_position == 7


async def test_the_log_position_of_an_empty_log_is_zero(opened: Opened) -> None:
    assert (await opened.load(Footprint(places={place(1)}))).log_position == 0


async def test_a_fence_names_its_stream(opened: Opened) -> None:
    fences = {"b1": Fence(2, 9, 4, "ANOTHER"), "b2": Fence(0, 0, 2**40)}
    await opened.write(Changes(products=[product()], new_batches=[batch("b1"), batch("b2")], fences=fences))
    footprint = Footprint(batches={"b1", "b2"}, changed_batches={"b1", "b2"})
    assert (await opened.load(footprint)).fences == fences


async def test_public_events_that_are_not_in_the_outbox_can_be_put_there_again(opened: Opened) -> None:
    await opened.write(Changes(events=[event(1), event(2), event(3, public=False)]))
    first, _ = await opened.reader.outbox(10)
    await opened.write(Changes(published=[first.position]))
    loaded = await opened.load(Footprint(event_ids={"event-1", "event-2", "event-3", "unheard-of"}))
    assert loaded.unqueued == {"event-1": first.position}
    await opened.write(Changes(queued_again=[first.position]))
    assert [one.event_id for one in await opened.reader.outbox(10)] == ["event-1", "event-2"]
    assert (await opened.load(Footprint(event_ids={"event-1"}))).unqueued == {}


@pytest.fixture
async def engine(path: Path) -> AsyncIterator[AsyncEngine]:
    """A look at the same file from another process."""
    opened = create_async_engine(f"sqlite+aiosqlite:///{path}")
    yield opened
    await opened.dispose()


async def found(engine: AsyncEngine, where: ParkedWhere) -> list[KeptMessage]:
    return [kept async for kept in ParkedReader(engine).find(where)]


async def test_parked_messages_are_listed_in_the_order_of_their_streams(on_sqlite: OnSqlite, engine: AsyncEngine) -> None:
    places = [place(number, incarnation, stream) for stream in ("A", "B") for incarnation in (1, 2) for number in range(1, 301)]
    await Opened(*on_sqlite).write(Changes(parked=[replace(parked_message(1), place=one) for one in reversed(places)]))
    assert [kept.message.place for kept in await found(engine, ParkedWhere())] == places


async def test_parked_messages_are_found_by_what_is_known_of_them(on_sqlite: OnSqlite, engine: AsyncEngine) -> None:
    first = parked_message(1)
    second = replace(parked_message(2), subject="order.placed", parked_at=TOMORROW)
    third = replace(parked_message(3), reason=ParkingReason.UNKNOWN_BATCH)
    await Opened(*on_sqlite).write(Changes(parked=[first, second, third]))
    await Opened(*on_sqlite).write(Changes(ended={place(3): DISCARDED}))

    async def sequences(where: ParkedWhere) -> list[int]:
        return [kept.message.place.sequence for kept in await found(engine, where)]

    assert await sequences(ParkedWhere()) == [1, 2]
    assert await sequences(ParkedWhere(with_ended=True)) == [1, 2, 3]
    assert await sequences(ParkedWhere(subject="order.placed")) == [2]
    assert await sequences(ParkedWhere(reason=ParkingReason.UNKNOWN_BATCH, with_ended=True)) == [3]
    assert await sequences(ParkedWhere(since=TOMORROW)) == [2], "since is included"
    assert await sequences(ParkedWhere(until=TOMORROW)) == [1], "until is not"
    assert await sequences(ParkedWhere(since=NOW, until=TOMORROW, with_ended=True)) == [1, 3]


async def test_a_parked_message_is_read_with_what_became_of_it(on_sqlite: OnSqlite, engine: AsyncEngine) -> None:
    await Opened(*on_sqlite).write(Changes(parked=[parked_message(1), parked_message(2)], ended={place(2): DISCARDED}))
    reader = ParkedReader(engine)
    assert await reader.at(place(1)) == KeptMessage(parked_message(1), None)
    assert await reader.at(place(2)) == KeptMessage(parked_message(2), DISCARDED)
    assert await reader.at(place(2, stream="OTHER")) is None


async def test_a_database_without_tables_is_said_to_be_unreadable(engine: AsyncEngine) -> None:
    with pytest.raises(StoreUnavailableError, match=r"parked messages cannot be read: .*no such table"):
        await ParkedReader(engine).at(place(1))
