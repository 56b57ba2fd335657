"""What bad input once did to the contract, each a plain test now."""

from __future__ import annotations

import time

import pytest
from stock.allocation.v1.inbound_events_pb2 import OrderPlaced, OrderPlacedLine

from allocation.contract import inward
from allocation.contract.validation import VIOLATIONS_NAMED_MAX, MalformedError
from allocation.domain import commands

MILLION_BYTES_OF_EMPTY_LINES = b"\x0a\x01o" + b"\x12\x00" * 500_000


def refused(payload: bytes) -> MalformedError:
    with pytest.raises(MalformedError) as refusal:
        inward.command_of_event("order.placed", payload)
    return refusal.value


def test_a_list_that_is_too_long_is_counted_and_not_read() -> None:
    lines = [OrderPlacedLine(line_id=f"{number}", sku="s", quantity=1) for number in range(2_000)]
    good = OrderPlaced(order_id="o", lines=lines).SerializeToString()
    began = time.perf_counter()
    assert isinstance(inward.command_of_event("order.placed", good), commands.PlaceOrder)
    ordinary = time.perf_counter() - began

    began = time.perf_counter()
    refusal = refused(MILLION_BYTES_OF_EMPTY_LINES)
    hostile = time.perf_counter() - began

    assert str(refusal) == "lines: must contain no more than 2000 item(s), is 500000 items"
    assert hostile < 100 * ordinary + 1.0, "it took two and a half minutes, and 3 GB"


def test_the_limit_of_a_list_is_that_of_the_proto() -> None:
    lines = [OrderPlacedLine(line_id=f"{number}", sku="s", quantity=1) for number in range(2_001)]
    assert "no more than 2000 item(s), is 2001 items" in str(
        refused(OrderPlaced(order_id="o", lines=lines).SerializeToString())
    )


def test_thousands_of_violations_are_counted_and_the_first_ones_named() -> None:
    order = OrderPlaced(order_id="o", lines=[OrderPlacedLine(sku="s\n" * 64, quantity=-1) for _ in range(2_000)])
    text = str(refused(order.SerializeToString()))
    assert text.startswith("lines[0].sku: ")
    assert f"message: 4000 violations, of which the first {VIOLATIONS_NAMED_MAX} are named" in text
    assert "lines[0].line_id: 's\\n" in text, "what repeats is named too"
    assert len(text) < 50_000


def test_a_hundred_violations_are_all_named() -> None:
    lines = [OrderPlacedLine(line_id=f"{number}", sku="s", quantity=0) for number in range(VIOLATIONS_NAMED_MAX)]
    violations = refused(OrderPlaced(order_id="o", lines=lines).SerializeToString()).violations
    assert [violation.field for violation in violations] == [f"lines[{number}].quantity" for number in range(100)]
