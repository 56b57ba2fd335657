"""What a message may hold, and how it is told what it may not: with the value and the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from stock.allocation.v1 import allocation_service_pb2 as rpc
from stock.allocation.v1 import inbound_events_pb2 as inbound

from allocation.contract.validation import MalformedError, check, is_identifier_text, shown

if TYPE_CHECKING:
    from google.protobuf.message import Message

GOOD: dict[str, Any] = {"batch_reference": "b1", "sku": "GARISH-RUG"}
IDENTIFIERS = ["x", "x" * 128, "with spaces", " ", "ünï/cödé", "表", "🪑" * 128, "quote'\"", "\u2028", "\u200b"]


def complaint(message: Message) -> str:
    with pytest.raises(MalformedError) as caught:
        check(message)
    return str(caught.value)


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_identifiers_are_opaque(identifier: str) -> None:
    check(rpc.AllocateRequest(order_id=identifier, line_id=identifier, sku=identifier, quantity=1))
    assert is_identifier_text(identifier), "and may go out again"


@pytest.mark.parametrize("control", ["\x00", "\n", "\t", "\r", "\x7f", "\x85", "\x9f"])
@pytest.mark.parametrize("pattern", ["{}", "SMALL{}TABLE", "SMALL-TABLE{}", "{}SMALL-TABLE"])
def test_control_characters_are_refused_wherever_they_stand(control: str, pattern: str) -> None:
    sku = pattern.format(control)
    assert complaint(rpc.AllocateRequest(order_id="o1", sku=sku, quantity=1)) == (
        f"sku: must have no control characters, is {sku!r}"
    )
    assert not is_identifier_text(sku)


def test_an_empty_identifier_is_refused() -> None:
    said = complaint(rpc.CreateBatchRequest(batch_reference="b1", purchased_quantity=1))
    assert said == "sku: must be at least 1 characters, is ''"


def test_a_long_identifier_is_refused_and_shown_in_part() -> None:
    said = complaint(rpc.CreateBatchRequest(batch_reference="b1", sku="x" * 129, purchased_quantity=1))
    assert said == f"sku: must be at most 128 characters, is '{'x' * 79}… (129 characters)"
    assert not is_identifier_text("x" * 129)


def test_the_length_is_counted_in_characters() -> None:
    assert "sku" in complaint(rpc.CreateBatchRequest(batch_reference="b1", sku="🪑" * 129, purchased_quantity=1))


def test_quantities_have_limits() -> None:
    assert complaint(rpc.CreateBatchRequest(**GOOD)) == "purchased_quantity: must be greater than or equal to 1, is 0"
    request = rpc.AllocateRequest(order_id="o1", sku="GARISH-RUG", quantity=-3)
    assert complaint(request) == "quantity: must be greater than or equal to 1, is -3"
    change = inbound.BatchQuantityChanged(batch_reference="b1", quantity=-1)
    assert complaint(change) == "quantity: must be greater than or equal to 0, is -1"


def test_the_largest_quantity_is_accepted() -> None:
    check(rpc.CreateBatchRequest(**GOOD, purchased_quantity=2**31 - 1))


def test_page_sizes_have_limits() -> None:
    check(rpc.ListBatchesRequest(sku="GARISH-RUG", page_size=1_000))
    said = complaint(rpc.ListBatchesRequest(sku="GARISH-RUG", page_size=1_001))
    assert said.startswith("page_size: must be ")
    assert said.endswith("less than or equal to 1000, is 1001")


def test_every_violation_is_told() -> None:
    assert complaint(rpc.AllocateRequest()).count("; ") == 2


def test_a_violation_inside_a_list_tells_its_place() -> None:
    lines = [inbound.OrderPlacedLine(sku="GARISH-RUG", quantity=quantity) for quantity in (1, 0)]
    said = complaint(inbound.OrderPlaced(order_id="o1", lines=lines))
    assert said == "lines[1].quantity: must be greater than or equal to 1, is 0"


@pytest.mark.parametrize(("value", "text"), [("rug", "'rug'"), (7, "7"), ("x" * 100, f"'{'x' * 79}… (100 characters)")])
def test_values_are_shown_in_a_bearable_length(value: object, text: str) -> None:
    assert shown(value) == text
