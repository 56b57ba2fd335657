"""Rows to domain objects and back: column order, and instants as microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from allocation.domain.batch import Batch
from allocation.domain.order_line import KeptLine, LineState, OrderLine
from allocation.domain.product_state import ProductState
from allocation.service_layer.housekeeping import ParkingReason
from allocation.service_layer.records import ParkedMessage, StreamPlace
from allocation.service_layer.store import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocation.service_layer.records import Ending, InboxEntry, LoggedEvent

DAMAGES = (OverflowError, TypeError, ValueError)
"""What is raised for a value that no release of ours has written: somebody else did."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """Count the microseconds from 1970 to an instant."""
    return (instant - _EPOCH) // _MICROSECOND


def instant(since_epoch: int) -> datetime:
    """Make the instant, in UTC, that so many microseconds after 1970 was."""
    return _EPOCH + timedelta(microseconds=since_epoch)


def damaged(row: str, error: Exception) -> StoreUnavailableError:
    """Say which row it is that cannot be read: for those who read; whoever writes must not take it for a store that is away."""
    return StoreUnavailableError(f"{row} cannot be read, its row was changed by force: {error}")


def product(row: Sequence[Any]) -> ProductState:
    """Read a row of products."""
    return ProductState(*row)


def batch(row: Sequence[Any]) -> Batch:
    """Read a row of batches."""
    reference, sku, purchased, eta, allocated, created, target = row
    return Batch(reference, sku, purchased, None if eta is None else instant(eta), allocated, created, target)


def kept_line(row: Sequence[Any]) -> KeptLine:
    """Read a row of order_lines."""
    order_id, line_id, sku, quantity, promise_number, state, batch_reference, sku_sequence = row
    line = OrderLine(order_id, line_id, sku, quantity)
    return KeptLine(line, promise_number, LineState(state), batch_reference, sku_sequence)


def of_product(state: ProductState) -> tuple[Any, ...]:
    """Write a row of products."""
    return (
        state.sku,
        state.sku_sequence,
        state.promise_number,
        state.batch_count,
        state.waiting_lines,
        state.promised_through,
    )


def of_batch(value: Batch) -> tuple[Any, ...]:
    """Write a row of batches."""
    return (
        value.reference,
        value.sku,
        value.purchased_quantity,
        None if value.eta is None else microseconds(value.eta),
        value.allocated_quantity,
        value.created_quantity,
        value.target_quantity,
    )


def of_kept_line(kept: KeptLine) -> tuple[Any, ...]:
    """Write a row of order_lines."""
    line = kept.line
    return (
        line.order_id,
        line.line_id,
        line.sku,
        line.quantity,
        kept.promise_number,
        kept.state.value,
        kept.batch_reference,
        kept.sku_sequence,
    )


def of_event(event: LoggedEvent) -> tuple[Any, ...]:
    """Write a row of events, but for its position."""
    return (
        event.event_id,
        event.type,
        event.subject,
        event.sku,
        event.sku_sequence,
        event.payload,
        microseconds(event.occurred_at),
        event.correlation_id,
        event.causation_id,
        event.traceparent,
    )


def of_inbox_entry(entry: InboxEntry) -> tuple[Any, ...]:
    """Write a row of inbox."""
    return (*entry.key, entry.fingerprint, *entry.place, microseconds(entry.consumed_at))


def of_moved_inbox_entry(entry: InboxEntry) -> tuple[Any, ...]:
    """Write where a message of the inbox was last, and its key and that place to compare with."""
    place = entry.place
    return (
        *place,
        microseconds(entry.consumed_at),
        *entry.key,
        place.stream,
        place.incarnation,
        place.incarnation,
        place.sequence,
    )


def of_parked(message: ParkedMessage) -> tuple[Any, ...]:
    """Write a row of parked_messages."""
    return (
        *message.place,
        message.subject,
        message.headers,
        message.payload,
        message.fingerprint,
        message.deliveries,
        message.reason.value,
        message.detail,
        microseconds(message.parked_at),
        message.log_position,
        message.stored_at,
    )


def parked(row: Any) -> ParkedMessage:  # noqa: ANN401 - a row of SQLAlchemy, by name
    """Read a row of parked_messages.

    Raises:
        StoreUnavailableError: it has an instant or a reason that there is not.

    """
    try:
        return _parked(row)
    except DAMAGES as error:
        raise damaged(f"parked message {row.stream}/{row.incarnation}/{row.sequence}", error) from error


def _parked(row: Any) -> ParkedMessage:  # noqa: ANN401 - as above
    return ParkedMessage(
        place=StreamPlace(row.stream, row.incarnation, row.sequence),
        subject=row.subject,
        headers=row.headers,
        payload=row.payload,
        fingerprint=row.fingerprint,
        deliveries=row.deliveries,
        reason=ParkingReason(row.reason),
        detail=row.detail,
        parked_at=instant(row.parked_at),
        log_position=row.log_position,
        stored_at=row.stored_at,
    )


def of_ending(ending: Ending) -> tuple[Any, ...]:
    """Write the columns of parked_messages that say what became of one."""
    return (ending.outcome, ending.detail, microseconds(ending.ended_at))
