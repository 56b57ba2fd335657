"""What an inbound message may do to a command: carry it out once, skip it, reject it aloud, or set it aside.

It wraps the command handlers from outside; they know nothing of messages.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from allocation.domain import commands, events
from allocation.domain.errors import BatchConflict, Rejection, UnknownBatch
from allocation.service_layer.bookkeeping import park
from allocation.service_layer.housekeeping import Park, ParkingReason
from allocation.service_layer.records import Fence, InboxEntry, InboxKey, KnownStream, StreamPlace

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from allocation.domain.commands import Command
    from allocation.service_layer.envelope import Receipt
    from allocation.service_layer.unit_of_work import UnitOfWork


class Consumption(Enum):
    """What became of an inbound message. All but the last two are final once committed."""

    APPLIED = "applied"
    REPEATED = "repeated"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    PARKED = "parked"
    EARLY = "early"
    """Names a batch that does not exist: its creation may be on the way."""
    OTHER_LIFE = "other_life"
    """The stream is not the one that the door is bound to any more: bind again."""


def consume(  # noqa: PLR0911 - each return is one thing that can become of a message
    command: Command,
    receipt: Receipt,
    uow: UnitOfWork,
    now: datetime,
    carry_out: Callable[[Command, UnitOfWork], object],
) -> Consumption:
    """Carry out the command of an inbound message, unless it took effect before or came too late."""
    message = receipt.message
    stream = uow.streams.get(message.stream)
    if stream is None or stream.incarnation != receipt.incarnation:
        return Consumption.OTHER_LIFE
    place = StreamPlace(message.stream, receipt.incarnation, message.sequence)
    if place in uow.parked:
        return Consumption.PARKED
    if message.sequence > stream.last_sequence:
        uow.remember_stream(KnownStream(stream.name, stream.created_at, stream.incarnation, message.sequence))
    key = InboxKey(receipt.source, receipt.message_id)
    took_effect = uow.inbox.get(key) == receipt.fingerprint
    if isinstance(command, Park) and not took_effect:
        park(command, receipt, uow, now)
        return Consumption.PARKED
    if key in uow.inbox:
        if took_effect:
            return Consumption.REPEATED
        detail = f"ce-source {key.source!r} with ce-id {key.message_id!r} came before with another payload"
        park(Park(ParkingReason.IDENTITY_REUSED, detail), receipt, uow, now)
        return Consumption.PARKED
    try:
        consumption = _carry_out(command, Fence(receipt.incarnation, message.sequence), uow, carry_out)
    except UnknownBatch:
        return Consumption.EARLY
    except Rejection as rejection:
        uow.recorded.append(_rejected(command, rejection))
        consumption = Consumption.REJECTED
    uow.consume(InboxEntry(key, receipt.fingerprint, place, now))
    return consumption


def _carry_out(
    command: Command, fence: Fence, uow: UnitOfWork, carry_out: Callable[[Command, UnitOfWork], object]
) -> Consumption:
    if isinstance(command, commands.ChangeBatchQuantity):
        last = uow.fences.get(command.batch_reference)
        if last is not None and last.incarnation == fence.incarnation and last.sequence >= fence.sequence:
            sku = uow.products.of_batch(command.batch_reference).sku
            uow.recorded.append(events.QuantitySkipped(command.batch_reference, sku, command.quantity))
            return Consumption.SUPERSEDED
    carry_out(command, uow)
    if isinstance(command, commands.ChangeBatchQuantity):
        uow.move_fence(command.batch_reference, fence)
    return Consumption.APPLIED


def _rejected(command: Command, rejection: Rejection) -> events.Rejected:
    if isinstance(rejection, BatchConflict):
        asked = rejection.asked
        return events.Rejected(
            rejection.reason,
            str(rejection),
            sku=asked.sku,
            quantity=asked.purchased_quantity,
            batch_reference=asked.batch_reference,
        )
    raise AssertionError(f"{command!r} cannot be rejected over a stream") from rejection
