"""From the domain to the contract: answers and outgoing events."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from google.protobuf.timestamp_pb2 import Timestamp
from stock.allocation.v1 import allocation_service_pb2, batch_pb2, events_pb2, line_pb2

from allocation.contract.inward import subject_of
from allocation.contract.validation import check_outgoing
from allocation.domain import events
from allocation.domain.order_line import LineState
from allocation.service_layer.event_log import EncodedEvent

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from google.protobuf.message import Message

    from allocation.domain.batch import Batch
    from allocation.domain.errors import RejectionReason
    from allocation.domain.order_line import LineStatus, OrderLine
    from allocation.service_layer.envelope import Envelope
    from allocation.service_layer.handlers import QuantityChanged

_STATES = {
    LineState.ALLOCATED: line_pb2.LINE_STATE_ALLOCATED,
    LineState.OUT_OF_STOCK: line_pb2.LINE_STATE_OUT_OF_STOCK,
    LineState.BACKORDERED: line_pb2.LINE_STATE_BACKORDERED,
    LineState.DISPLACED: line_pb2.LINE_STATE_BACKORDERED,
}
_DEALLOCATION_REASONS = {
    events.DeallocationReason.BATCH_SHRANK: events_pb2.DEALLOCATION_REASON_BATCH_SHRANK,
}


def batch(value: Batch) -> batch_pb2.Batch:
    """Translate a batch."""
    return batch_pb2.Batch(
        batch_reference=value.reference,
        sku=value.sku,
        purchased_quantity=value.purchased_quantity,
        allocated_quantity=value.allocated_quantity,
        eta=_timestamp(value.eta),
    )


def line_status(value: LineStatus) -> line_pb2.LineStatus:
    """Translate where a line stands."""
    return line_pb2.LineStatus(
        **_line(value.line),
        state=_STATES[value.state],
        batch_reference=value.batch_reference or "",
        eta=_timestamp(value.eta),
        sku_sequence=value.sku_sequence,
    )


def quantity_changed(value: QuantityChanged, correlation_id: str) -> allocation_service_pb2.ChangeBatchQuantityResponse:
    """Translate the answer to ChangeBatchQuantity."""
    return allocation_service_pb2.ChangeBatchQuantityResponse(
        batch=batch(value.batch),
        deallocated_lines=value.reallocation.deallocated,
        reallocated_lines=value.reallocation.reallocated,
        backordered_lines=value.reallocation.backordered,
        correlation_id=correlation_id,
    )


def rejection_reason(reason: RejectionReason) -> str:
    """Name the reason of a rejection as the contract does."""
    return f"REJECTION_REASON_{reason.name}"


def encode_event(event: events.Event, envelope: Envelope) -> EncodedEvent:
    """Encode an event for the log: a public one as its protobuf message, checked; an internal one as JSON."""
    encoder = _ENCODERS.get(type(event))
    sku: str = event.sku if hasattr(event, "sku") else event.line.sku  # type: ignore[attr-defined] # every event has one
    if encoder is None:
        payload = json.dumps(asdict(event), default=str, ensure_ascii=False).encode()  # type: ignore[call-overload] # every event is a dataclass
        return EncodedEvent(f"internal.{type(event).__name__}", None, sku, None, payload)
    message = encoder(event, envelope)
    check_outgoing(message)
    return EncodedEvent(
        message.DESCRIPTOR.full_name,
        _SUBJECTS[type(message)],
        sku,
        getattr(message, "sku_sequence", None),
        message.SerializeToString(),
    )


def _timestamp(instant: datetime | None) -> Timestamp | None:
    if instant is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(instant)
    return timestamp


def _line(line: OrderLine) -> dict[str, Any]:
    return {"order_id": line.order_id, "line_id": line.line_id, "sku": line.sku, "quantity": line.quantity}


def _allocated(event: events.Allocated, _envelope: Envelope) -> Message:
    return events_pb2.Allocated(
        **_line(event.line),
        batch_reference=event.batch_reference,
        eta=_timestamp(event.eta),
        sku_sequence=event.sku_sequence,
    )


def _deallocated(event: events.Deallocated, _envelope: Envelope) -> Message:
    return events_pb2.Deallocated(
        **_line(event.line),
        batch_reference=event.batch_reference,
        reason=_DEALLOCATION_REASONS[event.reason],
        sku_sequence=event.sku_sequence,
    )


def _backordered(event: events.Backordered, _envelope: Envelope) -> Message:
    return events_pb2.Backordered(**_line(event.line), sku_sequence=event.sku_sequence)


def _out_of_stock(event: events.OutOfStock, _envelope: Envelope) -> Message:
    return events_pb2.OutOfStock(**_line(event.line), sku_sequence=event.sku_sequence)


def _stock_changed(event: events.StockChanged, _envelope: Envelope) -> Message:
    return events_pb2.StockChanged(
        batch_reference=event.batch_reference,
        sku=event.sku,
        purchased_quantity=event.purchased_quantity,
        eta=_timestamp(event.eta),
        sku_sequence=event.sku_sequence,
    )


def _rejected(event: events.Rejected, envelope: Envelope) -> Message:
    receipt = envelope.receipt
    if receipt is None:
        raise AssertionError("only what came over a stream is announced as rejected")
    return events_pb2.Rejected(
        message_type=receipt.message_type,
        message_source=receipt.source,
        message_id=receipt.message_id,
        reason=rejection_reason(event.reason),
        detail=event.detail,
        sku=event.sku,
        batch_reference=event.batch_reference,
        order_id=event.order_id,
        line_id=event.line_id,
        quantity=event.quantity,
    )


_ENCODERS: dict[type[events.Event], Callable[[Any, Envelope], Message]] = {
    events.Allocated: _allocated,
    events.Deallocated: _deallocated,
    events.Backordered: _backordered,
    events.OutOfStock: _out_of_stock,
    events.StockChanged: _stock_changed,
    events.Rejected: _rejected,
}
_SUBJECTS: dict[type[Message], str] = {
    message_type: subject_of(message_type)
    for message_type in (
        events_pb2.Allocated,
        events_pb2.Deallocated,
        events_pb2.Backordered,
        events_pb2.OutOfStock,
        events_pb2.StockChanged,
        events_pb2.Rejected,
    )
}
OUTBOUND_SUBJECTS = tuple(_SUBJECTS.values())
