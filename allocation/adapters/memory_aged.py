"""Old rows of the store in memory: a page of a book, and what is written down when some of them go."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, assert_never

from allocation.service_layer.aged import (
    Aged,
    AgedEvent,
    AgedInboxEntry,
    AgedParkedMessage,
    Book,
    ForgottenEvents,
    InboxPage,
    InboxPlace,
    LogPage,
    ParkedPage,
)

if TYPE_CHECKING:
    from allocation.adapters.memory import MemoryStore
    from allocation.service_layer.aged import Forgotten
    from allocation.service_layer.records import InboxEntry


def load_aged(store: MemoryStore, page: InboxPage | LogPage | ParkedPage) -> Aged:
    """Load a page of a book, and what was forgotten of that book so far."""
    match page:
        case InboxPage():
            return Aged(inbox=_inbox(store, page), truncation=store.truncations.get(Book.INBOX))
        case LogPage():
            return Aged(events=_events(store, page), truncation=store.truncations.get(Book.LOG))
        case ParkedPage():
            return Aged(parked=_parked(store, page), truncation=store.truncations.get(Book.PARKED))
        case other:
            assert_never(other)


def forget(store: MemoryStore, forgotten: Forgotten) -> None:
    """Delete the rows that go, and write down that they went."""
    for key in forgotten.inbox:
        del store.consumed[key]
    for place in forgotten.parked:
        del store.parked[place]
        del store.ended[place]
    if forgotten.events:
        gone = set(forgotten.events)
        kept = [(position, event) for position, event in zip(store.positions, store.log, strict=True) if position not in gone]
        store.positions[:], store.log[:] = [position for position, _ in kept], [event for _, event in kept]
    store.truncations.update(forgotten.truncations)
    for sku, more in forgotten.sequences.items():
        before = store.truncated_sequences.get(sku, ForgottenEvents(0, 0))
        store.truncated_sequences[sku] = ForgottenEvents(
            before.events + more.events, max(before.through_sequence, more.through_sequence)
        )


def later(known: InboxEntry, again: InboxEntry) -> InboxEntry:
    """Answer which of two places of a message is the later one; that of another stream is."""
    return again if known.place.stream != again.place.stream or known.place < again.place else known


def _inbox(store: MemoryStore, page: InboxPage) -> list[AgedInboxEntry]:
    found = [
        AgedInboxEntry(entry.key, entry.place, entry.consumed_at)
        for entry in store.consumed.values()
        if entry.consumed_at < page.consumed_before
        and (page.above is None or InboxPlace(entry.consumed_at, entry.key) > page.above)
    ]
    return sorted(found, key=lambda entry: InboxPlace(entry.consumed_at, entry.key))[: page.limit]


def _events(store: MemoryStore, page: LogPage) -> list[AgedEvent]:
    truncation = store.truncations.get(Book.LOG)
    first = bisect_right(store.positions, truncation.through) if truncation is not None else 0
    return [
        AgedEvent(
            position,
            event.type,
            event.sku,
            event.sku_sequence,
            event.occurred_at,
            is_public=event.subject is not None,
            is_waiting=position in store.unpublished,
        )
        for position, event in zip(
            store.positions[first : first + page.limit], store.log[first : first + page.limit], strict=True
        )
    ]


def _parked(store: MemoryStore, page: ParkedPage) -> list[AgedParkedMessage]:
    found = sorted(
        place for place in store.parked if place.stream == page.stream and (page.above is None or place > page.above)
    )
    return [
        AgedParkedMessage(place, store.parked[place].parked_at, store.ended[place].ended_at if place in store.ended else None)
        for place in found[: page.limit]
    ]
