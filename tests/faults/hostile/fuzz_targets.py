"""What is fuzzed: each target takes any bytes, and raises AssertionError, or whatever broke, if they find a fault.

The first bytes choose what the rest is: so one corpus of plain files serves every way of making bytes up.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError
from stock.allocation.v1 import allocation_service_pb2 as rpc
from stock.allocation.v1 import events_pb2

from allocation.contract import cloudevents, inward, outward
from allocation.contract.validation import VIOLATIONS_NAMED_MAX, MalformedError, check, is_identifier_text
from allocation.domain import commands, events
from allocation.domain.errors import RejectionReason
from allocation.entrypoints.inbound_envelope import HEADER_CHARACTERS_MAX, envelope_of
from allocation.service_layer.housekeeping import Park, ParkingReason
from allocation.service_layer.streams import InboundMessage

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from google.protobuf.message import Message

    from allocation.domain.order_line import OrderLine
    from allocation.service_layer.envelope import Envelope

SUBJECTS = (*inward.INBOUND_SUBJECTS, "batch.mislaid")
HEADERS = ("ce-id", "CE-Source", "ce-correlationid", "ce-type", "traceparent", "ce-subject", "x-other", "Nats-Msg-Id")
_INT32_MAX = 2**31 - 1
_LINES_MAX = 2_000
_DETAIL_CHARACTERS_MAX = 400 * (2 * VIOLATIONS_NAMED_MAX + 2)
REQUESTS: tuple[tuple[type[Message], Callable[[Any], object]], ...] = (
    (rpc.CreateBatchRequest, inward.create_batch),
    (rpc.AllocateRequest, inward.allocate),
    (rpc.ChangeBatchQuantityRequest, inward.change_batch_quantity),
    (rpc.GetBatchRequest, check),
    (rpc.ListBatchesRequest, check),
    (rpc.ListLinesRequest, check),
)


def inbound(data: bytes) -> None:
    """A message: one byte for its subject, one for how many headers follow, each with its name's number and its length."""
    subject = SUBJECTS[_byte(data, 0) % len(SUBJECTS)]
    headers, rest = {}, data[2:]
    for _ in range(_byte(data, 1) % 4):
        name, length = HEADERS[_byte(rest, 0) % len(HEADERS)], _byte(rest, 1)
        headers[name] = rest[2 : 2 + length].decode(errors="replace")
        rest = rest[2 + length :]
    message = InboundMessage("ALLOCATION_INBOUND", 7, 1, subject, headers, rest)
    check_envelope(envelope_of(message, 1, lambda: "an-id-of-ours"), message)


def request(data: bytes) -> None:
    """A request: one byte for its RPC, then the bytes that came over the wire."""
    message_type, translate = REQUESTS[_byte(data, 0) % len(REQUESTS)]
    try:
        command = translate(message_type.FromString(data[1:]))
    except DecodeError:
        return
    except MalformedError as error:
        if len(str(error)) > _DETAIL_CHARACTERS_MAX:
            raise AssertionError("the refusal is too long") from error
        return
    if command is not None:
        check_command(command)


def outgoing(data: bytes) -> None:
    """An event of ours, made of the values of a command that the bytes are: it must read back as it was written."""
    subject = SUBJECTS[_byte(data, 0) % len(inward.INBOUND_SUBJECTS)]
    message = InboundMessage("ALLOCATION_INBOUND", 7, 1, subject, {}, data[1:])
    envelope = envelope_of(message, 1, lambda: "an-id-of-ours")
    for event in _events_of(envelope.command):
        encoded = outward.encode_event(event, envelope)
        decoded = getattr(events_pb2, encoded.type.rpartition(".")[2]).FromString(encoded.payload)
        check_event(decoded, event)


def header_value(data: bytes) -> None:
    """A value in a header: encoded it is plain ASCII and reads back as it was; decoding takes any text."""
    text = data.decode(errors="replace")
    encoded = cloudevents.encode(text)
    assert encoded.isascii()
    assert encoded.isprintable()
    assert " " not in encoded
    assert cloudevents.decode(encoded) == text
    cloudevents.decode(text).encode(errors="strict")
    assert cloudevents.valid_traceparent(text) in (None, text)


def planted(data: bytes) -> None:
    """Break on something that only a fuzzer comes upon: by this it is seen that the fuzzing finds faults at all."""
    message = InboundMessage("ALLOCATION_INBOUND", 7, 1, "batch.quantity.changed", {}, data[1:])
    match envelope_of(message, 1, lambda: "an-id-of-ours").command:
        case commands.ChangeBatchQuantity(batch_reference=reference, quantity=quantity) if 0 < quantity < len(reference):
            raise AssertionError("planted: a batch of nothing was taken for a quantity")


TARGETS: dict[str, Callable[[bytes], None]] = {
    "inbound": inbound,
    "request": request,
    "outgoing": outgoing,
    "header-value": header_value,
}
PLANTED = "planted"


def check_envelope(envelope: Envelope, message: InboundMessage) -> None:
    """Whether what came of a message can be stored and answered for."""
    receipt = envelope.receipt
    assert receipt is not None
    for text in (envelope.correlation_id, envelope.causation_id, receipt.source, receipt.message_id):
        assert 0 < len(text) <= HEADER_CHARACTERS_MAX
        assert text.encode()
    assert envelope.traceparent is None or envelope.traceparent.isascii()
    assert json.dumps(dict(message.headers), ensure_ascii=False).encode()
    if isinstance(envelope.command, Park):
        assert isinstance(envelope.command.reason, ParkingReason)
        assert 0 < len(envelope.command.detail.encode()) <= 4 * _DETAIL_CHARACTERS_MAX
    else:
        check_command(envelope.command)


def check_command(command: object) -> None:
    """Whether the values of a command keep the limits of the domain."""
    match command:
        case commands.CreateBatch():
            _check_identifiers(command.batch_reference, command.sku)
            assert 1 <= command.purchased_quantity <= _INT32_MAX
            assert command.eta is None or command.eta.utcoffset() is not None
        case commands.Allocate():
            _check_line(command.line)
        case commands.ChangeBatchQuantity():
            _check_identifiers(command.batch_reference)
            assert 0 <= command.quantity <= _INT32_MAX
        case commands.PlaceOrder():
            assert 1 <= len(command.lines) <= _LINES_MAX
            assert len({line.line_id for line in command.lines}) == len(command.lines)
            for line in command.lines:
                assert line.order_id == command.order_id
                _check_line(line)
        case _:
            raise AssertionError(f"no such command may come in: {command!r}")


def check_event(decoded: Any, event: events.Event) -> None:  # noqa: ANN401 - one of several generated classes
    """Whether an event that was read back says what it said."""
    fields: Any = asdict(event)  # type: ignore[call-overload] # every event is a dataclass
    expected = {name: value for name, value in fields.items() if name not in ("line", "eta", "reason")} | fields.get("line", {})
    for name, value in expected.items():
        assert getattr(decoded, name) == value, name
    if hasattr(event, "eta"):
        assert (_instant(decoded) if decoded.HasField("eta") else None) == event.eta


def _events_of(command: commands.Command) -> list[events.Event]:
    match command:
        case commands.CreateBatch():
            changed = events.StockChanged(
                command.batch_reference, command.sku, command.purchased_quantity, command.eta, _INT32_MAX
            )
            return [changed]
        case commands.PlaceOrder(lines=(line, *_)):
            shrank = events.DeallocationReason.BATCH_SHRANK
            return [
                events.Allocated(line, line.sku, None, 1),
                events.Deallocated(line, line.sku, shrank, 2),
                events.Backordered(line, 3),
                events.OutOfStock(line, 4),
                events.Rejected(
                    RejectionReason.LINE_CONFLICT,
                    "it was another",
                    line.sku,
                    line.quantity,
                    order_id=line.order_id,
                    line_id=line.line_id,
                ),
            ]
        case _:
            return []


def _check_line(line: OrderLine) -> None:
    _check_identifiers(line.order_id, line.line_id, line.sku)
    assert 1 <= line.quantity <= _INT32_MAX


def _check_identifiers(*texts: str) -> None:
    for text in texts:
        assert text
        assert is_identifier_text(text)
        assert text.encode()


def _instant(message: Any) -> datetime:  # noqa: ANN401 - one of several generated classes
    instant: datetime = message.eta.ToDatetime(tzinfo=UTC)
    return instant


def _byte(data: bytes, at: int) -> int:
    return data[at] if at < len(data) else 0
