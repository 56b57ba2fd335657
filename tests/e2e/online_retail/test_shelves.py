"""The stock of a day, and what damage and finds make of it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from examples.online_retail.days import Adjustment, Day, Line
from examples.online_retail.shelves import StockBook

MONDAY, TUESDAY = date(2031, 3, 3), date(2031, 3, 4)


def a_day_that_asks_for(quantity: int, day: date = MONDAY) -> Day:
    return Day(day, [Line("order-1", "1", "SMALL-TABLE", quantity)])


@pytest.mark.parametrize(
    ("asked", "coverage", "in_stock", "shelf", "shipment"),
    [(10, 0.9, 0.8, 7, 2), (10, 1.0, 0.5, 5, 5), (1, 0.9, 0.8, 1, 0), (10, 0.5, 1.0, 5, 0), (10, 0.7, 0.01, 1, 6)],
)
def test_covers_the_demand_on_the_shelf_and_by_a_shipment(
    asked: int, coverage: float, in_stock: float, shelf: int, shipment: int
) -> None:
    day = a_day_that_asks_for(asked)
    day.rows.append(Adjustment("SMALL-TABLE", -3))
    batches = StockBook(coverage, in_stock).receive(day)
    assert [batch.purchased_quantity for batch in batches] == [quantity for quantity in (shelf, shipment) if quantity]


def test_the_shelf_is_in_stock_and_the_shipment_is_expected_at_midnight() -> None:
    shelf, shipment = StockBook(0.9, 0.8).receive(a_day_that_asks_for(10))
    assert not shelf.HasField("eta")
    assert shipment.eta.ToDatetime(UTC) == datetime(2031, 3, 4, tzinfo=UTC)


def test_damage_and_finds_change_the_latest_shelf_one_after_another() -> None:
    book = StockBook(1.0, 1.0)
    [_] = book.receive(a_day_that_asks_for(10, MONDAY))
    [shelf] = book.receive(a_day_that_asks_for(20, TUESDAY))
    changes = [book.adjust(Adjustment("SMALL-TABLE", change)) for change in (-5, -7, 1)]
    assert [(change.batch_reference, change.quantity) for change in changes if change] == [
        (shelf.batch_reference, 15),
        (shelf.batch_reference, 8),
        (shelf.batch_reference, 9),
    ]
    assert book.quantities[shelf.batch_reference] == [20, 15, 8, 9]


def test_no_shelf_holds_less_than_nothing() -> None:
    book = StockBook(1.0, 1.0)
    book.receive(a_day_that_asks_for(10))
    changed = book.adjust(Adjustment("SMALL-TABLE", -11))
    assert changed is not None
    assert changed.quantity == 0
    assert changed.HasField("quantity")
    assert book.adjust(Adjustment("SMALL-TABLE", -1)) is None


def test_damage_to_what_nobody_ordered_has_no_effect() -> None:
    assert StockBook(1.0, 1.0).adjust(Adjustment("CLOCK-NOBODY-WANTS", -1)) is None
