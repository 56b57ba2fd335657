"""Lines that wait for stock, and in which order they are tried."""

from __future__ import annotations

from allocation.domain import events
from allocation.domain.order_line import LineState
from tests.unit.domain.shop import TOMORROW, Shop


def test_a_placed_line_without_room_is_backordered_and_kept() -> None:
    shop = Shop()
    shop.stock("batch", 5)
    line = shop.line("oref", 6)
    status = shop.product.place(line)
    assert status.state is LineState.BACKORDERED
    assert shop.events[-1] == events.Backordered(line, sku_sequence=2)
    assert shop.state.waiting_lines == 1


def test_a_placed_line_of_an_unknown_sku_is_kept_since_stock_may_come_later() -> None:
    shop = Shop("MISBEGOTTEN-RUG")
    shop.place(5)
    assert shop.told() == ["Backordered order-1"]
    shop.stock("first-batch", 5)
    assert shop.told()[1:] == ["StockChanged first-batch", "Allocated order-1"]
    assert shop.state.waiting_lines == 0


def test_backordered_lines_are_tried_lowest_promise_number_first() -> None:
    shop = Shop()
    shop.place(5, 5, 5)
    shop.stock("batch", 10)
    assert shop.where() == {"order-1": "batch", "order-2": "batch", "order-3": None}


def test_a_line_that_fits_nowhere_is_passed_over_and_keeps_its_place() -> None:
    shop = Shop()
    shop.place(8, 3, 2)
    shop.stock("small-batch", 5)
    assert shop.where() == {"order-1": None, "order-2": "small-batch", "order-3": "small-batch"}
    shop.place(8)
    shop.stock("large-batch", 8, TOMORROW)
    assert (shop.where()["order-1"], shop.where()["order-4"]) == ("large-batch", None)


def test_a_line_passed_over_is_not_announced_again() -> None:
    shop = Shop()
    shop.place(8)
    shop.stock("small-batch", 5)
    shop.change("small-batch", 6)
    assert shop.told() == ["StockChanged small-batch"]


def test_a_growing_batch_announces_its_stock_before_the_promises() -> None:
    shop = Shop()
    shop.stock("batch", 5)
    shop.place(8)
    assert shop.change("batch", 8) == ["StockChanged batch", "Allocated order-1"]
    assert shop.events[0] == events.StockChanged("batch", "SMALL-TABLE", 8, None, sku_sequence=3)


def test_a_waiting_line_goes_to_the_best_batch_not_to_the_one_that_changed() -> None:
    shop = Shop()
    shop.stock("shipment", 10, TOMORROW)
    shop.stock("in-stock", 4)
    shop.place(10)
    shop.place(4)
    shop.place(4)
    assert shop.where() == {"order-1": "shipment", "order-2": "in-stock", "order-3": None}
    shop.stock("more-in-stock", 4)
    assert shop.where()["order-3"] == "more-in-stock"


def test_a_new_line_does_not_wait_behind_one_that_fits_nowhere() -> None:
    shop = Shop()
    shop.stock("batch", 5)
    shop.place(8, 5)
    assert shop.where() == {"order-1": None, "order-2": "batch"}
