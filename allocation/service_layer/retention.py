"""What is done about old rows: each is forgotten only when nobody can ask for it any more, and what went is written down.

An inbox row that went too early would let its message take effect twice. So it goes when it is old and its message cannot be
delivered again: the stream that we are bound to holds nothing that far back. A parked message must have ended besides.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from allocation.service_layer.aged import Book, ForgottenEvents, InboxPlace, Truncation
from allocation.service_layer.housekeeping import Pass

if TYPE_CHECKING:
    from allocation.service_layer.aged import AgedEvent
    from allocation.service_layer.housekeeping import ForgetEvents, ForgetInbox, ForgetParked, StreamReach
    from allocation.service_layer.records import StreamPlace
    from allocation.service_layer.unit_of_work import UnitOfWork

CLOCKS_APART_MAX = timedelta(minutes=1)
"""How far the broker's clock and ours may be apart where instants of both are compared."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOSED_TYPES = frozenset({"stock.allocation.v1.OutOfStock", "stock.allocation.v1.Rejected"})
"""Events that nothing follows: what is kept of stock and of lines does not begin with them."""


def forget_inbox(command: ForgetInbox, uow: UnitOfWork) -> Pass:
    """Forget messages that were consumed long ago and cannot come again."""
    page, rows = command.page, uow.aged.inbox
    gone = [row.key for row in rows if _cannot_come_again(row.place, row.consumed_at, command.reach, uow)]
    if gone:
        uow.forget(Book.INBOX, inbox=gone, through=_microseconds(page.consumed_before))
    last = InboxPlace(rows[-1].consumed_at, rows[-1].key) if len(rows) == page.limit else None
    ours = any(row.place.stream == command.reach.state.name for row in rows)
    # Whatever is younger than a whole page of messages that may come again, may come again too.
    return Pass(len(gone), None if ours and not gone else last)


def forget_parked(command: ForgetParked, uow: UnitOfWork) -> Pass:
    """Forget parked messages that ended long ago and cannot come again; one that waits for an operator stays."""
    rows = uow.aged.parked
    gone = [
        row.place
        for row in rows
        if row.ended_at is not None
        and row.ended_at < command.ended_before
        and _cannot_come_again(row.place, row.parked_at, command.reach, uow)
    ]
    if gone:
        uow.forget(Book.PARKED, parked=gone, through=_microseconds(command.ended_before))
    return Pass(len(gone), rows[-1].place if len(rows) == command.page.limit else None)


def forget_events(command: ForgetEvents, uow: UnitOfWork) -> Pass:
    """Forget old events that concern no line and no stock; each event is looked at once, in the order of the log.

    The last event stays, whatever it is: the position of the log never goes back. One that is to be published, and all after
    it, wait for the next time.
    """
    old: list[AgedEvent] = []
    for event in uow.aged.events:
        if event.is_waiting or event.position >= uow.log_position or not _is_over(event, command):
            break
        old.append(event)
    if not old:
        return Pass(0, None)
    gone = [event for event in old if not event.is_public or event.type in _CLOSED_TYPES]
    for event in gone:
        if event.sku_sequence is not None:
            before = uow.forgotten.sequences.get(event.sku, ForgottenEvents(0, 0))
            through_sequence = max(before.through_sequence, event.sku_sequence)
            uow.forgotten.sequences[event.sku] = ForgottenEvents(before.events + 1, through_sequence)
    uow.forget(Book.LOG, events=[event.position for event in gone], through=old[-1].position)
    return Pass(len(gone), old[-1].position if len(old) == command.page.limit else None)


def _is_over(event: AgedEvent, command: ForgetEvents) -> bool:
    """Whether an event is old; a public one must be older than all that the event stream holds, so that the two compare."""
    if event.occurred_at >= command.occurred_before:
        return False
    holds_since = command.state.holds_since
    return not event.is_public or (holds_since is not None and event.occurred_at < holds_since - CLOCKS_APART_MAX)


def _cannot_come_again(place: StreamPlace, seen_at: datetime, reach: StreamReach, uow: UnitOfWork) -> bool:
    """Whether the stream holds a message no more that was at a place, and was seen there at an instant.

    In the present life of the stream the sequence tells. A former life may be the present one before a backup was restored:
    there, whatever the numbers are, a message that was seen before the oldest one was stored cannot be held.
    """
    state, known = reach.state, uow.streams.get(reach.state.name)
    if known is None or (known.created_at, known.incarnation) != (state.created_at, reach.incarnation):
        return False
    if place.stream != state.name or place.incarnation > known.incarnation:
        return False
    if place.incarnation == known.incarnation:
        return place.sequence < state.first_sequence
    return state.holds_since is not None and seen_at < state.holds_since - CLOCKS_APART_MAX


def truncated(before: Truncation | None, rows: int, through: int, now: datetime) -> Truncation:
    """Add to what was forgotten of a book."""
    if before is None:
        return Truncation(rows, through, now)
    return Truncation(before.rows + rows, max(before.through, through), now)


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
