"""Old rows in SQL: a page of a book, found by its index, and what is written down when some of them go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from sqlalchemy import bindparam, select, tuple_

from allocation.adapters.sql import rows, tables
from allocation.service_layer.aged import (
    Aged,
    AgedEvent,
    AgedInboxEntry,
    AgedParkedMessage,
    Book,
    InboxPage,
    LogPage,
    ParkedPage,
    Truncation,
)
from allocation.service_layer.records import InboxKey, StreamPlace

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from allocation.adapters.sql.statements import Statements
    from allocation.service_layer.aged import Forgotten

_inbox, _events, _parked = tables.inbox, tables.events, tables.parked_messages
_FIRST_INSTANT = -(2**63)
_TRUNCATION = select(*tables.truncations.c["rows", "through", "truncated_at"]).where(
    tables.truncations.c.name == bindparam("name")
)
_INBOX = (
    select(*_inbox.c["source", "message_id", "stream", "incarnation", "sequence", "consumed_at"])
    .where(
        _inbox.c.consumed_at < bindparam("before"),
        tuple_(_inbox.c.consumed_at, _inbox.c.source, _inbox.c.message_id)
        > tuple_(bindparam("above_at"), bindparam("above_source"), bindparam("above_id")),
    )
    .order_by(_inbox.c.consumed_at, _inbox.c.source, _inbox.c.message_id)
    .limit(bindparam("limit"))
)
_EVENTS = (
    select(
        *_events.c["position", "type", "sku", "sku_sequence", "occurred_at"],
        _events.c.subject.is_not(None).label("is_public"),
        tables.outbox.c.position.is_not(None).label("is_waiting"),
    )
    .join_from(_events, tables.outbox, tables.outbox.c.position == _events.c.position, isouter=True)
    .where(_events.c.position > bindparam("above"))
    .order_by(_events.c.position)
    .limit(bindparam("limit"))
)
_PARKED = (
    select(*_parked.c["stream", "incarnation", "sequence", "parked_at", "ended_at"])
    .where(
        _parked.c.stream == bindparam("stream"),
        tuple_(_parked.c.incarnation, _parked.c.sequence) > tuple_(bindparam("incarnation"), bindparam("sequence")),
    )
    .order_by(_parked.c.incarnation, _parked.c.sequence)
    .limit(bindparam("limit"))
)


def load_aged(connection: Connection, page: InboxPage | LogPage | ParkedPage) -> Aged:
    """Load a page of a book, and what was forgotten of that book so far."""
    match page:
        case InboxPage():
            return Aged(inbox=_aged_inbox(connection, page), truncation=_truncation(connection, Book.INBOX))
        case LogPage():
            truncation = _truncation(connection, Book.LOG)
            above = truncation.through if truncation is not None else 0
            found = connection.execute(_EVENTS, {"above": above, "limit": page.limit})
            return Aged(events=[_event(row) for row in found], truncation=truncation)
        case ParkedPage():
            return Aged(parked=_aged_parked(connection, page), truncation=_truncation(connection, Book.PARKED))
        case other:
            assert_never(other)


def forget(connection: Connection, put: Statements, forgotten: Forgotten) -> None:
    """Delete the rows that go, and write down that they went."""
    put.delete_inbox.execute(connection, [tuple(key) for key in forgotten.inbox])
    put.delete_event.execute(connection, [(position,) for position in forgotten.events])
    put.delete_parked.execute(connection, [tuple(place) for place in forgotten.parked])
    put.put_truncation.execute(
        connection,
        [
            (book.value, truncation.rows, truncation.through, rows.microseconds(truncation.truncated_at))
            for book, truncation in forgotten.truncations.items()
        ],
    )
    put.add_truncated_sequences.execute(
        connection, sorted((sku, gone.events, gone.through_sequence) for sku, gone in forgotten.sequences.items())
    )


def _aged_inbox(connection: Connection, page: InboxPage) -> list[AgedInboxEntry]:
    above_at, above_source, above_id = _FIRST_INSTANT, "", ""
    if page.above is not None:
        above_at, (above_source, above_id) = rows.microseconds(page.above.consumed_at), page.above.key
    found = connection.execute(
        _INBOX,
        {
            "before": rows.microseconds(page.consumed_before),
            "above_at": above_at,
            "above_source": above_source,
            "above_id": above_id,
            "limit": page.limit,
        },
    )
    return [
        AgedInboxEntry(
            InboxKey(row.source, row.message_id),
            StreamPlace(row.stream, row.incarnation, row.sequence),
            rows.instant(row.consumed_at),
        )
        for row in found
    ]


def _aged_parked(connection: Connection, page: ParkedPage) -> list[AgedParkedMessage]:
    incarnation, sequence = (page.above.incarnation, page.above.sequence) if page.above is not None else (0, 0)
    found = connection.execute(
        _PARKED, {"stream": page.stream, "incarnation": incarnation, "sequence": sequence, "limit": page.limit}
    )
    return [
        AgedParkedMessage(
            StreamPlace(row.stream, row.incarnation, row.sequence),
            rows.instant(row.parked_at),
            None if row.ended_at is None else rows.instant(row.ended_at),
        )
        for row in found
    ]


def _event(row: Any) -> AgedEvent:  # noqa: ANN401 - a row of SQLAlchemy, by name
    return AgedEvent(
        row.position,
        row.type,
        row.sku,
        row.sku_sequence,
        rows.instant(row.occurred_at),
        bool(row.is_public),
        bool(row.is_waiting),
    )


def _truncation(connection: Connection, book: Book) -> Truncation | None:
    found = connection.execute(_TRUNCATION, {"name": book.value}).first()
    return None if found is None else Truncation(found.rows, found.through, rows.instant(found.truncated_at))
