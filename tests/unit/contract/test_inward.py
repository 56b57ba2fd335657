"""Requests and inbound events become commands, or are malformed and say why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from stock.allocation.v1 import allocation_service_pb2 as rpc
from stock.allocation.v1 import inbound_events_pb2 as inbound
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged, OrderPlaced, OrderPlacedLine

from allocation.contract import inward
from allocation.contract.validation import MalformedError
from allocation.domain.commands import Allocate, ChangeBatchQuantity, CreateBatch, PlaceOrder
from allocation.domain.order_line import OrderLine

if TYPE_CHECKING:
    from google.protobuf.message import Message

RUG = "GARISH-RUG"
NOON = datetime(2026, 5, 1, 12, 0, 0, 123_456, tzinfo=UTC)


def timestamp(instant: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(instant)
    return made


def violations(event: Message) -> dict[str, str]:
    """Translate an event that must be malformed, and answer what is wrong with which field."""
    with pytest.raises(MalformedError) as caught:
        inward.command_of_event(inward.subject_of(type(event)), event.SerializeToString())
    return {violation.field: violation.description for violation in caught.value.violations}


@pytest.mark.parametrize("message_type", [rpc.CreateBatchRequest, BatchCreated])
def test_a_batch_with_an_eta(message_type: type[rpc.CreateBatchRequest | BatchCreated]) -> None:
    message = message_type(batch_reference="b1", sku=RUG, purchased_quantity=7, eta=timestamp(NOON))
    assert inward.create_batch(message) == CreateBatch("b1", RUG, 7, NOON)


def test_a_batch_without_eta_is_in_stock() -> None:
    assert inward.create_batch(BatchCreated(batch_reference="b1", sku=RUG, purchased_quantity=7)).eta is None


def test_an_eta_at_the_beginning_of_1970_is_an_eta() -> None:
    message = BatchCreated(batch_reference="b1", sku=RUG, purchased_quantity=7, eta=Timestamp())
    assert inward.create_batch(message).eta == datetime(1970, 1, 1, tzinfo=UTC)


def test_an_eta_is_cut_to_microseconds() -> None:
    eta = timestamp(NOON)
    eta.nanos += 999
    assert inward.create_batch(BatchCreated(batch_reference="b", sku=RUG, purchased_quantity=7, eta=eta)).eta == NOON


@pytest.mark.parametrize(
    "eta",
    [
        Timestamp(seconds=-62_135_596_801),
        Timestamp(seconds=253_402_300_800),
        Timestamp(seconds=2**62),
        Timestamp(seconds=1, nanos=-1),
        Timestamp(seconds=1, nanos=1_000_000_000),
    ],
)
def test_an_eta_that_is_no_instant_is_malformed(eta: Timestamp) -> None:
    found = violations(BatchCreated(batch_reference="b1", sku=RUG, purchased_quantity=7, eta=eta))
    assert list(found) == ["eta"]
    assert any(str(number) in found["eta"] for number in (eta.seconds, eta.nanos)), found["eta"]


def test_an_impossible_eta_is_named_beside_what_else_is_wrong() -> None:
    found = violations(BatchCreated(sku=RUG, purchased_quantity=0, eta=Timestamp(seconds=2**62)))
    assert set(found) == {"batch_reference", "purchased_quantity", "eta"}


def test_an_allocation() -> None:
    request = rpc.AllocateRequest(order_id="o1", line_id="line-1", sku=RUG, quantity=3)
    assert inward.allocate(request) == Allocate(OrderLine("o1", "line-1", RUG, 3))


def test_an_empty_line_id_means_the_sku() -> None:
    assert inward.allocate(rpc.AllocateRequest(order_id="o1", sku=RUG, quantity=3)).line.line_id == RUG
    order = OrderPlaced(order_id="o1", lines=[OrderPlacedLine(sku=RUG, quantity=3)])
    assert inward.place_order(order) == PlaceOrder("o1", (OrderLine("o1", RUG, RUG, 3),))


def test_a_quantity_of_nothing_is_a_quantity() -> None:
    assert inward.change_batch_quantity(BatchQuantityChanged(batch_reference="b1", quantity=0)) == ChangeBatchQuantity("b1", 0)


@pytest.mark.parametrize("message_type", [rpc.ChangeBatchQuantityRequest, BatchQuantityChanged])
def test_a_quantity_that_is_missing_never_means_nothing(
    message_type: type[rpc.ChangeBatchQuantityRequest | BatchQuantityChanged],
) -> None:
    with pytest.raises(MalformedError, match="quantity: must be present"):
        inward.change_batch_quantity(message_type(batch_reference="b1"))


def test_an_order_keeps_the_order_of_its_lines() -> None:
    lines = [OrderPlacedLine(line_id=line_id, sku=RUG, quantity=1) for line_id in ("c", "a", "b")]
    assert [line.line_id for line in inward.place_order(OrderPlaced(order_id="o1", lines=lines)).lines] == ["c", "a", "b"]


def test_two_lines_of_one_name_are_malformed_and_both_are_named() -> None:
    lines = [
        OrderPlacedLine(sku=RUG, quantity=1),
        OrderPlacedLine(line_id="good", sku=RUG, quantity=1),
        OrderPlacedLine(line_id=RUG, sku="LAMP", quantity=1),
    ]
    found = violations(OrderPlaced(order_id="o1", lines=lines))
    said = "'GARISH-RUG' names 2 lines of this order"
    assert found == {"lines[0].line_id": said, "lines[2].line_id": said}


def test_every_bad_line_of_an_order_is_named() -> None:
    lines = [
        OrderPlacedLine(line_id="1", sku=RUG, quantity=0),
        OrderPlacedLine(line_id="2", sku=RUG, quantity=1),
        OrderPlacedLine(line_id="3", quantity=1),
        OrderPlacedLine(line_id="x" * 129, sku=RUG, quantity=1),
        OrderPlacedLine(line_id="5", sku=RUG, quantity=1),
        OrderPlacedLine(line_id="5", sku=RUG, quantity=1),
    ]
    found = violations(OrderPlaced(order_id="o1", lines=lines))
    assert set(found) == {"lines[0].quantity", "lines[2].sku", "lines[3].line_id", "lines[4].line_id", "lines[5].line_id"}


def test_an_order_has_lines_and_not_too_many() -> None:
    assert violations(OrderPlaced(order_id="o1")) == {"lines": "must contain at least 1 item(s), is 0 items"}
    lines = [OrderPlacedLine(line_id=str(number), sku=RUG, quantity=1) for number in range(2_001)]
    assert violations(OrderPlaced(order_id="o1", lines=lines)) == {
        "lines": "must contain no more than 2000 item(s), is 2001 items"
    }
    del lines[-1]
    assert len(inward.place_order(OrderPlaced(order_id="o1", lines=lines)).lines) == 2_000


@pytest.mark.parametrize("length", range(1, 17))
def test_truncated_bytes_are_malformed_whereever_they_are_cut(length: int) -> None:
    whole = BatchQuantityChanged(batch_reference="batch-0001", quantity=300).SerializeToString()
    assert len(whole) == 15
    if length < len(whole):
        with pytest.raises(MalformedError):
            inward.command_of_event("batch.quantity.changed", whole[:length])
    else:
        assert inward.command_of_event("batch.quantity.changed", whole) == ChangeBatchQuantity("batch-0001", 300)


@pytest.mark.parametrize("payload", [b"\xff", b"hello", b'{"batch_reference": "b1"}', b"\x0a\x05\xff\xff\xff\xff\xff"])
def test_bytes_that_are_no_message_are_malformed(payload: bytes) -> None:
    with pytest.raises(MalformedError, match=rf"payload: {len(payload)} bytes that are no stock.allocation.v1.BatchCreated"):
        inward.command_of_event("batch.created", payload)


def test_unknown_fields_are_ignored() -> None:
    newer = BatchQuantityChanged(batch_reference="b1", quantity=3).SerializeToString() + b"\xfa\x7f\x03new"
    assert inward.command_of_event("batch.quantity.changed", newer) == ChangeBatchQuantity("b1", 3)


def test_the_subjects_that_are_consumed() -> None:
    assert set(inward.INBOUND_SUBJECTS) == {"batch.created", "batch.quantity.changed", "order.placed"}
    assert inward.message_type_of("order.placed") == "stock.allocation.v1.OrderPlaced"
    assert inward.message_type_of("order.cancelled") is None
    assert inward.subject_of(inbound.OrderPlaced) == "order.placed"
