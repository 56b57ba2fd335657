"""To which batch a line goes, and what is announced about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from allocation.domain import events
from allocation.domain.errors import LineConflict, UnknownSku
from allocation.domain.order_line import LineState, LineStatus, OrderLine
from tests.unit.domain.shop import LATER, TODAY, TOMORROW, Shop

if TYPE_CHECKING:
    from datetime import datetime


def test_prefers_warehouse_batches_to_shipments() -> None:
    shop = Shop("RETRO-CLOCK")
    shop.stock("shipment-batch", 100, TOMORROW)
    shop.stock("in-stock-batch", 100)
    shop.product.allocate(shop.line("oref", 10))
    assert (shop.available("in-stock-batch"), shop.available("shipment-batch")) == (90, 100)


def test_prefers_earlier_batches() -> None:
    shop = Shop("MINIMALIST-SPOON")
    shop.stock("slow-batch", 100, LATER)
    shop.stock("normal-batch", 100, TOMORROW)
    shop.stock("speedy-batch", 100, TODAY)
    shop.product.allocate(shop.line("order1", 10))
    assert [shop.available(name) for name in ("speedy-batch", "normal-batch", "slow-batch")] == [90, 100, 100]


@pytest.mark.parametrize("eta", [None, TOMORROW])
def test_ties_are_broken_by_the_reference(eta: datetime | None) -> None:
    shop = Shop()
    for reference in ("batch-b", "batch-a", "batch-c"):
        shop.stock(reference, 10, eta)
    assert shop.product.allocate(shop.line("oref", 10)).batch_reference == "batch-a"


def test_returns_allocated_batch_ref() -> None:
    shop = Shop("HIGHBROW-POSTER")
    shop.stock("in-stock-batch-ref", 100)
    shop.stock("shipment-batch-ref", 100, TOMORROW)
    line = shop.line("oref", 10)
    status = shop.product.allocate(line)
    assert status == LineStatus(line, LineState.ALLOCATED, sku_sequence=3, batch_reference="in-stock-batch-ref", eta=None)


def test_the_answer_tells_when_the_stock_is_expected() -> None:
    shop = Shop()
    shop.stock("shipment-batch", 100, TOMORROW)
    assert shop.product.allocate(shop.line("oref", 10)).eta == TOMORROW


def test_outputs_allocated_event() -> None:
    shop = Shop("RETRO-LAMPSHADE")
    shop.stock("batchref", 100, TOMORROW)
    line = shop.line("oref", 10)
    shop.product.allocate(line)
    assert shop.events[-1] == events.Allocated(line, "batchref", TOMORROW, sku_sequence=2)


def test_a_line_goes_whole_to_one_batch_even_a_worse_one() -> None:
    shop = Shop()
    shop.stock("in-stock", 6)
    shop.stock("shipment", 10, TOMORROW)
    assert shop.product.allocate(shop.line("oref", 7)).batch_reference == "shipment"
    assert shop.available("in-stock") == 6


def test_a_line_is_never_split_over_batches() -> None:
    shop = Shop()
    shop.stock("batch-1", 6)
    shop.stock("batch-2", 6)
    assert shop.product.allocate(shop.line("oref", 12)).state is LineState.OUT_OF_STOCK


def test_records_out_of_stock_event_if_cannot_allocate() -> None:
    shop = Shop("SMALL-FORK")
    shop.stock("batch1", 10)
    shop.product.allocate(shop.line("order1", 10))
    line = shop.line("order2", 1)
    status = shop.product.allocate(line)
    assert shop.events[-1] == events.OutOfStock(line, sku_sequence=3)
    assert status == LineStatus(line, LineState.OUT_OF_STOCK, sku_sequence=3)


def test_out_of_stock_is_not_remembered() -> None:
    shop = Shop()
    shop.stock("small-batch", 1)
    line = shop.line("oref", 10)
    shop.product.allocate(line)
    assert shop.lines.lines == []
    shop.stock("large-batch", 10)
    assert shop.told()[-1] == "StockChanged large-batch", "nobody waits for it"
    assert shop.product.allocate(line).batch_reference == "large-batch"


def test_a_line_of_a_sku_without_batches_is_rejected() -> None:
    shop = Shop("MISBEGOTTEN-RUG")
    with pytest.raises(UnknownSku, match="no batch of sku 'MISBEGOTTEN-RUG' was ever created"):
        shop.product.allocate(shop.line("oref", 1))
    assert (shop.events, shop.lines.lines, shop.state.sku_sequence) == ([], [], 0)


def test_a_sku_that_lines_wait_for_is_still_unknown_to_allocate() -> None:
    shop = Shop("MISBEGOTTEN-RUG")
    shop.place(5)
    with pytest.raises(UnknownSku):
        shop.product.allocate(shop.line("by-rpc", 1))


def test_a_sku_stays_known_when_its_only_batch_holds_nothing_any_more() -> None:
    shop = Shop()
    shop.stock("batch", 1)
    shop.change("batch", 0)
    assert shop.product.allocate(shop.line("oref", 1)).state is LineState.OUT_OF_STOCK


def test_allocation_is_idempotent() -> None:
    shop = Shop("ANGULAR-DESK")
    shop.stock("batch-001", 20)
    line = shop.line("order-123", 2)
    first = shop.product.allocate(line)
    happened = list(shop.events)
    assert shop.product.allocate(line) == first
    assert shop.available("batch-001") == 18
    assert shop.events == happened


def test_a_repeated_line_is_answered_with_where_it_stands_now() -> None:
    shop = Shop()
    shop.stock("batch-1", 10)
    line = shop.line("oref", 10)
    shop.product.allocate(line)
    shop.change("batch-1", 9)
    assert shop.product.allocate(line) == LineStatus(line, LineState.BACKORDERED, sku_sequence=5)
    shop.stock("batch-2", 10, TOMORROW)
    now = LineStatus(line, LineState.ALLOCATED, sku_sequence=7, batch_reference="batch-2", eta=TOMORROW)
    assert shop.product.allocate(line) == now
    assert shop.product.place(line) == now


@pytest.mark.parametrize("ask", ["allocate", "place"])
@pytest.mark.parametrize(
    "other", [OrderLine("oref", "line-1", "SMALL-TABLE", 4), OrderLine("oref", "line-1", "LARGE-TABLE", 3)]
)
def test_a_line_asked_for_with_other_content_is_rejected(ask: str, other: OrderLine) -> None:
    shop = Shop()
    shop.stock("batch", 10)
    line = OrderLine("oref", "line-1", "SMALL-TABLE", 3)
    shop.product.allocate(line)
    happened = list(shop.events)
    with pytest.raises(LineConflict) as caught:
        getattr(shop.product, ask)(other)
    assert (caught.value.asked, caught.value.kept) == (other, line)
    assert (shop.events, shop.available("batch"), len(shop.lines.lines)) == (happened, 7, 1)


def test_one_order_may_ask_for_a_sku_on_several_lines() -> None:
    shop = Shop()
    shop.stock("batch", 10)
    shop.product.allocate(OrderLine("oref", "line-1", "SMALL-TABLE", 3))
    shop.product.allocate(OrderLine("oref", "line-2", "SMALL-TABLE", 4))
    assert shop.available("batch") == 3


def test_sku_sequence_counts_without_gaps() -> None:
    shop = Shop()
    shop.stock("batch", 10)
    shop.place(4, 6, 1)
    shop.product.allocate(shop.line("by-rpc", 1))
    shop.product.change_batch_quantity("batch", 5)
    shop.stock("another", 100, TOMORROW)
    sequences = [getattr(event, "sku_sequence", None) for event in shop.events]
    assert sequences == list(range(1, len(shop.events) + 1))
    assert shop.state.sku_sequence == len(shop.events)
