"""Answers and events as they leave the house, and that no bug of ours leaves it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from stock.allocation.v1 import batch_pb2, errors_pb2, events_pb2, line_pb2
from stock.allocation.v1.inbound_events_pb2 import OrderPlaced, OrderPlacedLine

from allocation.contract import outward
from allocation.contract.validation import check_outgoing
from allocation.domain import events
from allocation.domain.batch import Batch
from allocation.domain.errors import RejectionReason
from allocation.domain.order_line import LineState, LineStatus, OrderLine
from allocation.domain.product_state import Reallocation
from allocation.entrypoints.inbound_envelope import envelope_of
from allocation.service_layer.handlers import QuantityChanged
from tests.unit.house import TOMORROW, asked, message_of, place

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from allocation.service_layer.envelope import Envelope

LINE = OrderLine("o1", "line-1", "GARISH-RUG", 3)
LINE_FIELDS: dict[str, Any] = {"order_id": "o1", "line_id": "line-1", "sku": "GARISH-RUG", "quantity": 3}
ETA = {"seconds": int(TOMORROW.timestamp())}
ENVELOPE = asked(place("o1", GARISH_RUG=3))


def inbound_envelope() -> Envelope:
    order = OrderPlaced(order_id="o1", lines=[OrderPlacedLine(sku="GARISH-RUG", quantity=3)])
    return envelope_of(message_of(order, headers={"ce-source": "/shop", "ce-id": "7"}), 1, lambda: "new-id")


PUBLIC: list[tuple[events.Event, Message]] = [
    (
        events.Allocated(LINE, "b1", TOMORROW, 4),
        events_pb2.Allocated(**LINE_FIELDS, batch_reference="b1", eta=ETA, sku_sequence=4),
    ),
    (events.Allocated(LINE, "b1", None, 4), events_pb2.Allocated(**LINE_FIELDS, batch_reference="b1", sku_sequence=4)),
    (
        events.Deallocated(LINE, "b1", events.DeallocationReason.BATCH_SHRANK, 4),
        events_pb2.Deallocated(
            **LINE_FIELDS, batch_reference="b1", reason=events_pb2.DEALLOCATION_REASON_BATCH_SHRANK, sku_sequence=4
        ),
    ),
    (events.Backordered(LINE, 4), events_pb2.Backordered(**LINE_FIELDS, sku_sequence=4)),
    (events.OutOfStock(LINE, 4), events_pb2.OutOfStock(**LINE_FIELDS, sku_sequence=4)),
    (
        events.StockChanged("b1", "GARISH-RUG", 0, TOMORROW, 4),
        events_pb2.StockChanged(batch_reference="b1", sku="GARISH-RUG", purchased_quantity=0, eta=ETA, sku_sequence=4),
    ),
    (
        events.Rejected(RejectionReason.LINE_CONFLICT, "it was 4", "GARISH-RUG", 3, order_id="o1", line_id="line-1"),
        events_pb2.Rejected(
            message_type="stock.allocation.v1.OrderPlaced",
            message_source="/shop",
            message_id="7",
            reason=errors_pb2.REJECTION_REASON_LINE_CONFLICT,
            detail="it was 4",
            **LINE_FIELDS,
        ),
    ),
]


@pytest.mark.parametrize(("event", "message"), PUBLIC)
def test_a_public_event_is_encoded_as_its_message(event: events.Event, message: Message) -> None:
    encoded = outward.encode_event(event, inbound_envelope())
    assert type(message).FromString(encoded.payload) == message
    assert encoded.type == message.DESCRIPTOR.full_name
    assert encoded.sku == "GARISH-RUG"
    assert encoded.sku_sequence == (None if isinstance(event, events.Rejected) else 4)


def test_every_public_event_is_among_the_examples() -> None:
    assert {type(message).DESCRIPTOR.name for _, message in PUBLIC} == set(events_pb2.DESCRIPTOR.message_types_by_name)


def test_an_internal_event_stays_in_the_log_as_json() -> None:
    encoded = outward.encode_event(events.QuantitySkipped("b1", "GÄRISH-RUG", 5), ENVELOPE)
    assert (encoded.type, encoded.subject, encoded.sku_sequence) == ("internal.QuantitySkipped", None, None)
    assert json.loads(encoded.payload) == {"batch_reference": "b1", "sku": "GÄRISH-RUG", "quantity": 5}


def test_only_what_came_over_a_stream_is_announced_as_rejected() -> None:
    rejected = events.Rejected(RejectionReason.LINE_CONFLICT, "it was 4", "GARISH-RUG", 3)
    with pytest.raises(AssertionError, match="only what came over a stream"):
        outward.encode_event(rejected, ENVELOPE)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (events.Backordered(replace(LINE, order_id=""), 4), "order_id ''"),
        (events.Backordered(replace(LINE, line_id=""), 4), "line_id ''"),
        (events.Backordered(replace(LINE, sku="x" * 129), 4), "sku 'xxx"),
        (events.Backordered(replace(LINE, sku="RUG\n"), 4), r"sku 'RUG\\n'"),
        (events.OutOfStock(replace(LINE, quantity=0), 4), "quantity 0"),
        (events.OutOfStock(replace(LINE, quantity=-1), 4), "quantity -1"),
        (events.OutOfStock(LINE, 0), "sku_sequence 0"),
        (events.Allocated(LINE, "", None, 4), "batch_reference ''"),
        (events.StockChanged("b1", "GARISH-RUG", -1, None, 4), "purchased_quantity -1"),
        (events.StockChanged("b1", "", 1, None, 4), "sku ''"),
        (events.Rejected(RejectionReason.LINE_CONFLICT, "", "", 3), "sku ''"),
        (events.Rejected(RejectionReason.LINE_CONFLICT, "", "RUG", 3, order_id="o\x00"), r"order_id 'o\\x00'"),
    ],
)
def test_an_event_that_would_be_bad_input_elsewhere_never_leaves(event: events.Event, said: str) -> None:
    with pytest.raises(AssertionError, match=f"^outgoing stock.allocation.v1.{type(event).__name__} has {said}"):
        outward.encode_event(event, inbound_envelope())


def test_an_event_without_its_reason_never_leaves() -> None:
    message = events_pb2.Deallocated(**LINE_FIELDS, batch_reference="b1", sku_sequence=4)
    with pytest.raises(AssertionError, match="has reason 0"):
        check_outgoing(message)


def test_a_batch_is_answered() -> None:
    batch = Batch("b1", "GARISH-RUG", 7, TOMORROW, allocated_quantity=3, created_quantity=10, target_quantity=5)
    answer = batch_pb2.Batch(batch_reference="b1", sku="GARISH-RUG", purchased_quantity=7, allocated_quantity=3, eta=ETA)
    assert outward.batch(batch) == answer
    changed = outward.quantity_changed(QuantityChanged(batch, Reallocation(6, 4, 2)), "the-flood")
    assert changed.batch == answer
    counts = (changed.deallocated_lines, changed.reallocated_lines, changed.backordered_lines)
    assert (counts, changed.correlation_id) == ((6, 4, 2), "the-flood")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (LineState.ALLOCATED, line_pb2.LINE_STATE_ALLOCATED),
        (LineState.OUT_OF_STOCK, line_pb2.LINE_STATE_OUT_OF_STOCK),
        (LineState.BACKORDERED, line_pb2.LINE_STATE_BACKORDERED),
        (LineState.DISPLACED, line_pb2.LINE_STATE_BACKORDERED),
    ],
)
def test_a_line_is_answered_in_every_state(state: LineState, told: line_pb2.LineState) -> None:
    assert outward.line_status(LineStatus(LINE, state, 4)) == line_pb2.LineStatus(**LINE_FIELDS, state=told, sku_sequence=4)


def test_an_allocated_line_is_answered_with_its_batch() -> None:
    status = outward.line_status(LineStatus(LINE, LineState.ALLOCATED, 4, "b1", TOMORROW))
    assert (status.batch_reference, status.eta.seconds) == ("b1", ETA["seconds"])
    assert not outward.line_status(LineStatus(LINE, LineState.ALLOCATED, 4, "b1")).HasField("eta")
