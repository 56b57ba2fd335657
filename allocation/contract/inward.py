"""From the contract to the domain: requests and inbound events become commands, or are malformed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError, Message
from stock.allocation.v1 import allocation_service_pb2, inbound_events_pb2, options_pb2

from allocation.contract.validation import MalformedError, Violation, check, first_named, shown, violations_of
from allocation.domain import commands
from allocation.domain.order_line import OrderLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.timestamp_pb2 import Timestamp


def create_batch(
    message: allocation_service_pb2.CreateBatchRequest | inbound_events_pb2.BatchCreated,
) -> commands.CreateBatch:
    """Translate the RPC or the event. Raises MalformedError."""
    violations = violations_of(message)
    eta = _instant(message.eta, violations) if message.HasField("eta") else None
    if violations:
        raise MalformedError(violations)
    return commands.CreateBatch(message.batch_reference, message.sku, message.purchased_quantity, eta)


def allocate(message: allocation_service_pb2.AllocateRequest) -> commands.Allocate:
    """Translate the RPC. Raises MalformedError."""
    check(message)
    line = OrderLine(message.order_id, message.line_id or message.sku, message.sku, message.quantity)
    return commands.Allocate(line)


def change_batch_quantity(
    message: allocation_service_pb2.ChangeBatchQuantityRequest | inbound_events_pb2.BatchQuantityChanged,
) -> commands.ChangeBatchQuantity:
    """Translate the RPC or the event. Raises MalformedError."""
    check(message)
    return commands.ChangeBatchQuantity(message.batch_reference, message.quantity)


def place_order(message: inbound_events_pb2.OrderPlaced) -> commands.PlaceOrder:
    """Translate the event. Raises MalformedError, naming the bad lines."""
    violations = violations_of(message)
    lines = tuple(OrderLine(message.order_id, line.line_id or line.sku, line.sku, line.quantity) for line in message.lines)
    times = Counter(line.line_id for line in lines)
    repeated = [(index, line.line_id) for index, line in enumerate(lines) if times[line.line_id] > 1]
    violations += first_named(repeated, lambda one: _repeated(*one, times[one[1]]))
    if violations:
        raise MalformedError(violations)
    return commands.PlaceOrder(message.order_id, lines)


def _repeated(index: int, line_id: str, times: int) -> Violation:
    return Violation(f"lines[{index}].line_id", f"{shown(line_id)} names {times} lines of this order")


_EVENTS: dict[type[Message], Callable[[Any], commands.Command]] = {
    inbound_events_pb2.BatchCreated: create_batch,
    inbound_events_pb2.BatchQuantityChanged: change_batch_quantity,
    inbound_events_pb2.OrderPlaced: place_order,
}


def subject_of(message_type: type[Message]) -> str:
    """Read the subject that an event message travels on from its option."""
    options: Any = message_type.DESCRIPTOR.GetOptions()
    subject: str = options.Extensions[options_pb2.event].subject
    return subject


_EVENT_BY_SUBJECT = {subject_of(message_type): message_type for message_type in _EVENTS}
INBOUND_SUBJECTS = tuple(_EVENT_BY_SUBJECT)


def message_type_of(subject: str) -> str | None:
    """Answer the full name of the event message that a subject carries; None if we consume no such subject."""
    message_type = _EVENT_BY_SUBJECT.get(subject)
    return message_type.DESCRIPTOR.full_name if message_type else None


def command_of_event(subject: str, payload: bytes) -> commands.Command:
    """Decode and translate an inbound event of a known subject.

    Raises:
        MalformedError: the bytes are no such message, or it breaks a constraint.

    """
    message_type = _EVENT_BY_SUBJECT[subject]
    try:
        message = message_type.FromString(payload)
    except DecodeError as error:
        name = message_type.DESCRIPTOR.full_name
        raise MalformedError([Violation("payload", f"{len(payload)} bytes that are no {name}")]) from error
    return _EVENTS[message_type](message)


def _instant(timestamp: Timestamp, violations: list[Violation]) -> datetime | None:
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        violations.append(Violation("eta", str(error)))
        return None
