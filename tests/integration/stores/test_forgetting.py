"""Old rows are shown a page at a time and forgotten for good, whichever store it is; the others stay."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from allocation.adapters.memory import MemoryStore
from allocation.service_layer.aged import (
    AgedInboxEntry,
    Book,
    Forgotten,
    ForgottenEvents,
    InboxPage,
    InboxPlace,
    LogPage,
    ParkedPage,
    Truncation,
)
from allocation.service_layer.housekeeping import ForgetEvents, ForgetInbox, ForgetParked, StreamReach
from allocation.service_layer.messagebus import MessageBus
from allocation.service_layer.records import Ending, InboxKey, KnownStream, StreamPlace
from allocation.service_layer.store import Changes, Footprint
from allocation.service_layer.streams import StreamState
from tests.integration.stores.examples import NOW, Opened, event, inbox_entry, parked_message
from tests.integration.stores.listening import engine_of, listening
from tests.integration.stores.test_sqlite_plans import check_no_scan, plans_of_load
from tests.unit.house import asked, recorder

if TYPE_CHECKING:
    from pathlib import Path

    from allocation.adapters.sql.reader import SqlReader
    from allocation.adapters.sql.sqlite_store import SqliteStore
    from allocation.domain.commands import Command
    from allocation.service_layer.aged import Aged
    from allocation.service_layer.housekeeping import Pass

A_SECOND = timedelta(seconds=1)
LATER = NOW + timedelta(days=1)
STATEMENTS_MAX = 10
"""BEGIN, at most four to load, three deletions and two of what is written down of them."""


async def aged(opened: Opened, page: InboxPage | LogPage | ParkedPage) -> Aged:
    return (await opened.load(Footprint(aged=page))).aged


def sequences_of(opened: Opened, path: Path) -> dict[str, ForgottenEvents]:
    if isinstance(opened.store, MemoryStore):
        return opened.store.truncated_sequences
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT sku, events, through_sequence FROM truncated_sequences").fetchall()
    return {sku: ForgottenEvents(*rest) for sku, *rest in rows}


async def test_the_inbox_is_shown_from_the_oldest_on_a_page_at_a_time(opened: Opened) -> None:
    entries = [replace(inbox_entry(str(number)), consumed_at=NOW + (9 - number) * A_SECOND) for number in range(10)]
    twin = replace(inbox_entry("twin"), consumed_at=entries[5].consumed_at)
    await opened.write(Changes(inbox=[*entries, twin]))
    shown: list[AgedInboxEntry] = []
    above = None
    while rows := (await aged(opened, InboxPage(NOW + 8 * A_SECOND, above, 3))).inbox:
        shown += rows
        above = InboxPlace(rows[-1].consumed_at, rows[-1].key)
    assert [row.key.message_id for row in shown] == ["9", "8", "7", "6", "5", "twin", "4", "3", "2"]
    assert shown[0] == AgedInboxEntry(entries[9].key, entries[9].place, NOW)


async def test_a_message_that_came_again_is_kept_at_its_later_place(opened: Opened) -> None:
    places = [StreamPlace("INBOUND", 1, 7), StreamPlace("INBOUND", 1, 9), StreamPlace("INBOUND", 1, 8)]
    await opened.write(Changes(inbox=[inbox_entry("a")]))
    for place in places:
        await opened.write(Changes(consumed_again=[replace(inbox_entry("a"), place=place, consumed_at=NOW + A_SECOND)]))
    (row,) = (await aged(opened, InboxPage(LATER, None, 10))).inbox
    assert row == AgedInboxEntry(InboxKey("/shop", "a"), places[1], NOW + A_SECOND)
    for place in (StreamPlace("INBOUND", 2, 1), StreamPlace("OTHER", 1, 1)):
        await opened.write(Changes(consumed_again=[replace(inbox_entry("a"), place=place)]))
        assert (await aged(opened, InboxPage(LATER, None, 10))).inbox == [AgedInboxEntry(InboxKey("/shop", "a"), place, NOW)]


async def test_the_log_is_shown_from_where_it_was_last_looked_at(opened: Opened) -> None:
    await opened.write(Changes(events=[event(number, public=number != 2) for number in range(1, 6)]))
    await opened.write(Changes(published=[1, 4]))
    shown = (await aged(opened, LogPage(4))).events
    assert [(row.position, row.sku_sequence, row.is_public, row.is_waiting) for row in shown] == [
        (1, 1, True, False),
        (2, None, False, False),
        (3, 3, True, True),
        (4, 4, True, False),
    ]
    assert (shown[0].type, shown[0].occurred_at) == ("stock.allocation.v1.OutOfStock", NOW)
    await opened.write(Changes(forgotten=Forgotten(truncations={Book.LOG: Truncation(0, 4, NOW)})))
    after = await aged(opened, LogPage(4))
    assert [row.position for row in after.events] == [5]
    assert after.truncation == Truncation(0, 4, NOW)


async def test_parked_messages_of_a_stream_are_shown_by_their_place(opened: Opened) -> None:
    elsewhere = replace(parked_message(1), place=StreamPlace("OTHER", 1, 1))
    await opened.write(Changes(parked=[*map(parked_message, (3, 1, 2)), elsewhere]))
    ended = Ending("discarded", "a test", LATER)
    await opened.write(Changes(ended={parked_message(2).place: ended}))
    first = (await aged(opened, ParkedPage("INBOUND", None, 2))).parked
    assert first == [(parked_message(1).place, NOW, None), (parked_message(2).place, NOW, LATER)]
    assert [row.place.sequence for row in (await aged(opened, ParkedPage("INBOUND", first[-1].place, 2))).parked] == [3]


async def test_what_is_forgotten_is_gone_and_the_rest_stays(opened: Opened) -> None:
    await opened.write(
        Changes(
            inbox=[inbox_entry("a"), inbox_entry("b")],
            events=[event(number) for number in range(1, 5)],
            parked=[parked_message(1), parked_message(2)],
            ended={},
        )
    )
    await opened.write(Changes(published=[1, 2, 3, 4], ended={parked_message(1).place: Ending("discarded", "", NOW)}))
    await opened.write(
        Changes(forgotten=Forgotten(inbox=[InboxKey("/shop", "a")], events=[1, 3], parked=[parked_message(1).place]))
    )
    assert [row.key.message_id for row in (await aged(opened, InboxPage(LATER, None, 9))).inbox] == ["b"]
    log = await opened.load(Footprint(aged=LogPage(9)))
    assert ([row.position for row in log.aged.events], log.log_position) == ([2, 4], 4)
    assert [row.place.sequence for row in (await aged(opened, ParkedPage("INBOUND", None, 9))).parked] == [2]
    assert (await opened.load(Footprint(event_ids={"event-1", "event-2"}))).unqueued == {"event-2": 2}


async def test_positions_go_on_after_what_was_forgotten_and_an_old_event_can_be_published_again(opened: Opened) -> None:
    await opened.write(Changes(events=[event(1), event(2), event(3)]))
    await opened.write(Changes(published=[1, 2, 3], forgotten=Forgotten(events=[1, 2])))
    await opened.write(Changes(events=[event(4)], queued_again=[3]))
    assert [(waiting.position, waiting.event_id) for waiting in await opened.reader.outbox(9)] == [
        (3, "event-3"),
        (4, "event-4"),
    ]


async def test_what_was_forgotten_is_written_down_and_adds_up(opened: Opened, path: Path) -> None:
    for events, through in ((3, 20), (2, 30), (1, 10)):
        sequences = {"RUG": ForgottenEvents(events, through)}
        await opened.write(
            Changes(forgotten=Forgotten(sequences=sequences, truncations={Book.INBOX: Truncation(events, 7, NOW)}))
        )
    assert sequences_of(opened, path) == {"RUG": ForgottenEvents(6, 30)}
    assert (await aged(opened, InboxPage(LATER, None, 1))).truncation == Truncation(1, 7, NOW)


@pytest.mark.parametrize("page", [InboxPage(LATER, None, 5), LogPage(5), ParkedPage("INBOUND", None, 5)])
async def test_a_page_is_found_by_an_index(
    on_sqlite: tuple[SqliteStore, SqlReader], page: InboxPage | LogPage | ParkedPage
) -> None:
    check_no_scan(await plans_of_load(on_sqlite[0], Footprint(aged=page)))


@pytest.mark.parametrize("rows", [4, 500])
async def test_a_page_takes_few_statements_however_long_it_is(on_sqlite: tuple[SqliteStore, SqlReader], rows: int) -> None:
    opened = Opened(*on_sqlite)
    numbers = range(1, rows + 1)
    place = StreamPlace("INBOUND", 1, 1)
    await opened.write(
        Changes(
            inbox=[replace(inbox_entry(str(number)), place=place, consumed_at=NOW) for number in numbers],
            events=[event(number, sku=f"SKU-{number}") for number in range(1, rows + 2)],
            parked=[parked_message(number) for number in numbers],
            streams=[KnownStream("INBOUND", "monday", 1, rows)],
        )
    )
    await opened.write(
        Changes(
            published=list(range(1, rows + 2)),
            ended={parked_message(number).place: Ending("discarded", "", NOW) for number in numbers},
        )
    )
    reach = StreamReach(StreamState("INBOUND", "monday", rows, first_sequence=rows + 1, holds_since=LATER), 1)
    commands: list[Command] = [
        ForgetInbox(InboxPage(LATER, None, rows), reach),
        ForgetParked(ParkedPage("INBOUND", None, rows), LATER, reach),
        ForgetEvents(LogPage(rows), LATER, replace(reach.state, holds_since=LATER + A_SECOND)),
    ]
    bus = MessageBus(recorder(), promises_per_transaction_max=1_000)
    for command in commands:
        with listening(engine_of(on_sqlite[0])) as heard:
            outcome = await opened.store.transact(partial(bus.handle, [asked(command)]))
        passed: Pass = outcome.answers[0]
        assert passed.forgotten == rows, command
        assert len(heard) <= STATEMENTS_MAX, "\n".join(statement for statement, _ in heard)
