"""What an inbound message may do to a command: carry it out once, skip it, reject it aloud, or set it aside.

It wraps the command handlers from outside; they know nothing of messages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from allocation.domain import commands, events
from allocation.domain.errors import BatchConflict, Rejection, UnknownBatch
from allocation.service_layer.bookkeeping import end_parked, park
from allocation.service_layer.housekeeping import Park, ParkingReason
from allocation.service_layer.records import Fence, InboxEntry, InboxKey

if TYPE_CHECKING:
    from allocation.service_layer.envelope import Receipt
    from allocation.service_layer.unit_of_work import UnitOfWork


class Consumption(Enum):
    """What became of an inbound message. Those up to ENDED_ALREADY are final once committed."""

    APPLIED = "applied"
    REPEATED = "repeated"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    PARKED = "parked"
    PARKED_ALREADY = "parked_already"
    """Delivered again while it waits for an operator."""
    ENDED_ALREADY = "ended_already"
    """Delivered again after it was parked, and replayed or discarded."""
    EARLY = "early"
    """Names a batch that does not exist: its creation may be on the way."""
    OTHER_LIFE = "other_life"
    """The stream is not the one that the door is bound to any more: bind again."""
    NOT_PARKED = "not_parked"
    """A replay of what is not parked, or no more."""


CarryOut = Callable[[commands.Command, "UnitOfWork"], object]
_ENDS_A_REPLAY = (Consumption.APPLIED, Consumption.REPEATED, Consumption.SUPERSEDED, Consumption.REJECTED)


def consume(command: commands.Command, receipt: Receipt, uow: UnitOfWork, carry_out: CarryOut) -> Consumption:
    """Carry out the command of an inbound message, unless it took effect before or came too late."""
    stream = uow.streams.get(receipt.place.stream)
    if stream is None or stream.incarnation != receipt.incarnation:
        return Consumption.OTHER_LIFE
    parked = uow.parked.get(receipt.place)
    if parked is not None:
        return Consumption.PARKED_ALREADY if parked.is_open else Consumption.ENDED_ALREADY
    if receipt.place.sequence > stream.last_sequence:
        last = receipt.place.sequence, receipt.message.stored_at
        uow.remember_stream(replace(stream, last_sequence=last[0], last_stored_at=last[1]))
    parking = command if isinstance(command, Park) else None
    consumption = _consume_once(command, receipt, uow, carry_out)
    if consumption is Consumption.PARKED:
        park(parking or Park(ParkingReason.IDENTITY_REUSED, identity_reused(receipt)), receipt, uow)
    return consumption


def replay(command: commands.Command, receipt: Receipt, uow: UnitOfWork, carry_out: CarryOut) -> Consumption:
    """Carry out a parked message anew. What ends is kept with its outcome; else it stays parked."""
    parked = uow.parked.get(receipt.place)
    if parked is None or not parked.is_open:
        return Consumption.NOT_PARKED
    consumption = _consume_once(command, receipt, uow, carry_out)
    if consumption in _ENDS_A_REPLAY:
        end_parked(receipt.place, consumption.value, "replayed", uow)
    return consumption


def identity_reused(receipt: Receipt) -> str:
    """Say why a message cannot be the one that came before under its identity."""
    return f"ce-source {receipt.source!r} with ce-id {receipt.message_id!r} came before with another payload"


def _consume_once(command: commands.Command, receipt: Receipt, uow: UnitOfWork, carry_out: CarryOut) -> Consumption:
    key = InboxKey(receipt.source, receipt.message_id)
    took_effect = uow.inbox.get(key) == receipt.fingerprint
    if took_effect:
        uow.consume_again(InboxEntry(key, receipt.fingerprint, receipt.place, uow.now))
        return Consumption.REPEATED
    if key in uow.inbox or isinstance(command, Park):
        return Consumption.PARKED
    try:
        consumption = _carry_out(command, receipt, uow, carry_out)
    except UnknownBatch:
        return Consumption.EARLY
    except Rejection as rejection:
        uow.recorded.append(_rejected(command, rejection))
        consumption = Consumption.REJECTED
    uow.consume(InboxEntry(key, receipt.fingerprint, receipt.place, uow.now))
    return consumption


def _carry_out(command: commands.Command, receipt: Receipt, uow: UnitOfWork, carry_out: CarryOut) -> Consumption:
    if not isinstance(command, commands.ChangeBatchQuantity):
        carry_out(command, uow)
        return Consumption.APPLIED
    if _is_overtaken(command.batch_reference, receipt, uow):
        sku = uow.products.of_batch(command.batch_reference).sku
        uow.recorded.append(events.QuantitySkipped(command.batch_reference, sku, command.quantity))
        return Consumption.SUPERSEDED
    last = uow.fences.get(command.batch_reference, Fence(0, 0, 0))
    carry_out(command, uow)
    uow.move_fence(command.batch_reference, _fence_after(last, receipt, uow))
    return Consumption.APPLIED


def _fence_after(last: Fence, receipt: Receipt, uow: UnitOfWork) -> Fence:
    place = receipt.place
    parked = uow.parked.get(place)
    if parked is not None and last.stream not in ("", place.stream):
        # A replay out of another stream: the one that is consumed now keeps its place.
        return last._replace(log_position=max(last.log_position, parked.log_position))
    return last.moved_to(place, receipt.message.stored_at or last.stored_at, uow.log_position)


def _is_overtaken(batch_reference: str, receipt: Receipt, uow: UnitOfWork) -> bool:
    """Whether the batch was given a quantity that is newer.

    By its place in the stream; as it came after this one was parked; or, in an older copy of the stream, as it was stored
    later.
    """
    last, place, stream = uow.fences.get(batch_reference), receipt.place, uow.streams.get(receipt.place.stream)
    if last is None:
        return False
    if stream is not None and place.sequence <= stream.copied_through and last.was_copied(place, receipt.message.stored_at):
        return True
    parked = uow.parked.get(place)
    return last.is_beyond(place) or (parked is not None and last.log_position >= parked.log_position)


def _rejected(command: commands.Command, rejection: Rejection) -> events.Rejected:
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
