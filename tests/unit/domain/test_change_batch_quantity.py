"""A batch that holds another quantity than was believed: who leaves, where they go, and what is told in which order."""

from __future__ import annotations

from allocation.domain import events
from allocation.domain.product_state import Reallocation
from tests.unit.domain.shop import TOMORROW, Shop


def test_changes_available_quantity() -> None:
    shop = Shop("ADORABLE-SETTEE")
    shop.stock("batch1", 100)
    assert shop.change("batch1", 50) == ["StockChanged batch1"]
    assert shop.available("batch1") == 50


def test_the_lines_promised_last_leave_first() -> None:
    shop = Shop()
    shop.stock("batch", 10)
    shop.place(2, 2, 2, 2, 2)
    shop.change("batch", 5)
    assert shop.told()[:3] == ["Deallocated order-5", "Deallocated order-4", "Deallocated order-3"]
    assert [order for order, batch in shop.where().items() if batch] == ["order-1", "order-2"]


def test_no_more_lines_leave_than_must() -> None:
    shop = Shop()
    shop.stock("batch", 10)
    shop.place(5, 1, 1, 3)
    shop.change("batch", 7)
    assert shop.where() == {"order-1": "batch", "order-2": "batch", "order-3": "batch", "order-4": None}
    assert shop.available("batch") == 0


def test_who_was_kept_first_counts_not_who_came_to_the_batch_first() -> None:
    shop = Shop()
    shop.place(4)
    shop.stock("another", 1)
    shop.stock("batch", 3)
    shop.place(3)
    shop.change("batch", 7)
    assert shop.where() == {"order-1": "batch", "order-2": "batch"}
    assert shop.change("batch", 4)[0] == "Deallocated order-2"


def test_reallocates_if_necessary() -> None:
    shop = Shop("INDIFFERENT-TABLE")
    shop.stock("batch1", 50)
    shop.stock("batch2", 50, TOMORROW)
    shop.place(20, 20)
    assert (shop.available("batch1"), shop.available("batch2")) == (10, 50)
    assert shop.product.change_batch_quantity("batch1", 25) == Reallocation(deallocated=1, reallocated=1)
    assert (shop.available("batch1"), shop.available("batch2")) == (5, 30)


def test_a_displaced_line_that_fits_nowhere_is_backordered_and_told_so() -> None:
    shop = Shop()
    shop.stock("batch", 10)
    shop.place(10)
    assert shop.product.change_batch_quantity("batch", 4) == Reallocation(deallocated=1, backordered=1)
    assert shop.told()[-3:] == ["Deallocated order-1", "StockChanged batch", "Backordered order-1"]
    assert shop.state.waiting_lines == 1


def test_stock_is_announced_after_the_lines_left_and_before_new_promises() -> None:
    shop = Shop()
    shop.stock("batch", 10)
    shop.stock("spare", 4, TOMORROW)
    shop.place(4, 3, 3)
    assert shop.change("batch", 4) == [
        "Deallocated order-3",
        "Deallocated order-2",
        "StockChanged batch",
        "Allocated order-2",
        "Backordered order-3",
    ]
    line = shop.line("order-3", 3)
    assert shop.events[0] == events.Deallocated(line, "batch", events.DeallocationReason.BATCH_SHRANK, sku_sequence=6)
    assert shop.events[2] == events.StockChanged("batch", "SMALL-TABLE", 4, None, sku_sequence=8)


def test_the_shrunk_batch_itself_is_tried_again() -> None:
    shop = Shop()
    shop.stock("batch", 10)
    shop.place(2, 7, 1)
    shop.change("batch", 4)
    assert shop.where() == {"order-1": "batch", "order-2": None, "order-3": "batch"}
    assert shop.told() == [
        "Deallocated order-3",
        "Deallocated order-2",
        "StockChanged batch",
        "Backordered order-2",
        "Allocated order-3",
    ]


def test_lines_that_waited_before_are_tried_too_when_a_shrink_makes_room() -> None:
    shop = Shop()
    shop.stock("batch", 10)
    shop.place(4)
    shop.stock("tiny", 1)
    shop.place(6, 3)
    assert shop.where()["order-3"] is None
    shop.change("batch", 9)
    assert shop.where() == {"order-1": "batch", "order-2": None, "order-3": "batch"}


def test_the_same_quantity_again_changes_nothing() -> None:
    shop = Shop()
    shop.stock("batch", 10)
    shop.place(10)
    assert shop.change("batch", 10) == []


def test_a_change_is_absolute_so_that_a_late_retry_applies_again() -> None:
    shop = Shop()
    shop.stock("batch", 10)
    shop.change("batch", 5)
    shop.change("batch", 8)
    assert shop.change("batch", 5) == ["StockChanged batch"]
    assert shop.available("batch") == 5


def test_a_batch_may_shrink_to_nothing_and_grow_again() -> None:
    shop = Shop()
    shop.stock("batch", 10)
    shop.place(3, 3)
    shop.change("batch", 0)
    assert set(shop.where().values()) == {None}
    assert shop.change("batch", 6) == ["StockChanged batch", "Allocated order-1", "Allocated order-2"]


def test_a_displaced_line_keeps_its_promise_number() -> None:
    shop = Shop()
    shop.stock("batch", 4)
    shop.place(2, 2)
    shop.change("batch", 0)
    shop.place(2)
    shop.change("batch", 4)
    assert shop.where() == {"order-1": "batch", "order-2": "batch", "order-3": None}
    assert [kept.promise_number for kept in shop.lines.lines] == [1, 2, 3]
