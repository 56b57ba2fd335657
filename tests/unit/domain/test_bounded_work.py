"""A change that concerns more lines than one transaction takes: the rest follows, and nothing is promised twice meanwhile."""

from __future__ import annotations

import pytest

from allocation.domain.order_line import LineState
from tests.unit.domain.shop import TOMORROW, Shop


def shop_of_ten_lines(steps_max: int) -> Shop:
    """Ten lines of one unit on a batch of ten."""
    shop = Shop(steps_max=steps_max)
    shop.stock("batch", 10)
    shop.place(*[1] * 10)
    return shop


def finish(shop: Shop) -> int:
    """Continue until nothing is unfinished, never oversold on the way, and count how often."""
    times = 0
    while shop.state.promised_through is not None:
        times += 1
        assert times < 100, "it never ends"
        shop.product.continue_promising()
        check_never_oversold(shop)
    return times


def check_never_oversold(shop: Shop) -> None:
    for batch in shop.product.batches:
        on_batch = sum(kept.line.quantity for kept in shop.lines.latest_on(batch.reference))
        assert on_batch == batch.allocated_quantity <= batch.purchased_quantity


def test_a_large_shrink_stops_at_the_limit_and_leaves_the_rest_for_later() -> None:
    shop = shop_of_ten_lines(steps_max=3)
    told = shop.change("batch", 2)
    assert told == [
        "Deallocated order-10",
        "Deallocated order-9",
        "Deallocated order-8",
        "StockChanged batch",
        "PromisingUnfinished",
    ]
    batch = shop.product.batch("batch")
    assert (batch.purchased_quantity, batch.allocated_quantity, batch.target_quantity) == (7, 7, 2)
    check_never_oversold(shop)


def test_a_displaced_line_is_answered_as_backordered_while_it_was_not_tried_yet() -> None:
    shop = shop_of_ten_lines(steps_max=3)
    shop.change("batch", 2)
    assert shop.product.allocate(shop.line("order-10", 1)).state is LineState.BACKORDERED
    assert [kept.state for kept in shop.lines.lines[-3:]] == [LineState.DISPLACED] * 3


def test_what_was_left_is_done_in_parts_and_ends() -> None:
    shop = shop_of_ten_lines(steps_max=3)
    shop.change("batch", 2)
    shop.stock("spare", 5, TOMORROW)
    assert finish(shop) > 1
    assert shop.told()[-1] == "PromisingFinished"
    assert list(shop.where().values()) == ["batch"] * 2 + ["spare"] * 5 + [None] * 3
    assert [kept.state for kept in shop.lines.lines[-3:]] == [LineState.BACKORDERED] * 3
    assert shop.state.waiting_lines == 3


def test_new_lines_get_nothing_until_it_ends() -> None:
    shop = shop_of_ten_lines(steps_max=3)
    shop.stock("spare", 100, TOMORROW)
    shop.change("batch", 2)
    assert shop.product.allocate(shop.line("by-rpc", 1)).state is LineState.OUT_OF_STOCK
    assert shop.product.place(shop.line("placed", 1)).state is LineState.BACKORDERED
    finish(shop)
    assert shop.where()["placed"] == "spare", "it was kept, and had its turn"
    assert shop.product.allocate(shop.line("by-rpc", 1)).batch_reference == "spare"


def test_continuing_with_nothing_left_does_nothing() -> None:
    shop = shop_of_ten_lines(steps_max=3)
    shop.events.clear()
    shop.product.continue_promising()
    assert shop.events == []


def test_continuing_where_no_line_can_leave_changes_nothing_and_says_so() -> None:
    shop = shop_of_ten_lines(steps_max=3)
    shop.change("batch", 2)
    shop.lines.lines.clear()
    shop.events.clear()
    assert not shop.product.continue_promising()
    assert shop.events == []
    assert shop.state.promised_through == 0, "it is as unfinished as it was"


def test_continuing_says_that_it_came_further() -> None:
    shop = shop_of_ten_lines(steps_max=3)
    shop.change("batch", 2)
    while shop.state.promised_through is not None:
        assert shop.product.continue_promising()


def test_a_growth_with_many_waiting_lines_is_bounded_too() -> None:
    shop = Shop(steps_max=3)
    shop.place(*[1] * 10)
    shop.events.clear()
    shop.stock("batch", 100)
    assert shop.told() == [
        "StockChanged batch",
        "Allocated order-1",
        "Allocated order-2",
        "Allocated order-3",
        "PromisingUnfinished",
    ]
    assert finish(shop) == 3
    assert set(shop.where().values()) == {"batch"}


def test_lines_that_are_tried_in_vain_count_as_work_too() -> None:
    shop = Shop(steps_max=3)
    shop.place(*[50] * 10)
    shop.stock("batch", 1)
    assert shop.told()[-1] == "PromisingUnfinished"
    finish(shop)
    assert shop.state.waiting_lines == 10


def test_exactly_as_much_as_the_limit_is_finished_at_once() -> None:
    shop = shop_of_ten_lines(steps_max=3)
    shop.stock("spare", 10, TOMORROW)
    assert shop.change("batch", 7)[-1] == "Allocated order-10"
    assert shop.state.promised_through is None


def test_a_second_change_of_the_same_batch_while_unfinished_replaces_the_first() -> None:
    shop = shop_of_ten_lines(steps_max=3)
    shop.change("batch", 2)
    shop.change("batch", 20)
    check_never_oversold(shop)
    finish(shop)
    assert set(shop.where().values()) == {"batch"}
    assert shop.product.batch("batch").purchased_quantity == 20


def test_the_same_change_again_while_unfinished_is_no_change() -> None:
    shop = shop_of_ten_lines(steps_max=3)
    shop.change("batch", 2)
    assert shop.change("batch", 2) == []
    finish(shop)
    assert shop.product.batch("batch").purchased_quantity == 2


def test_a_change_of_another_batch_while_unfinished_waits_its_turn() -> None:
    shop = shop_of_ten_lines(steps_max=3)
    shop.stock("spare", 1, TOMORROW)
    shop.change("batch", 2)
    assert shop.change("spare", 4) == ["StockChanged spare", "PromisingUnfinished"]
    finish(shop)
    assert list(shop.where().values()) == ["batch"] * 2 + ["spare"] * 4 + [None] * 4


def test_two_batches_shrink_at_once() -> None:
    shop = shop_of_ten_lines(steps_max=2)
    shop.stock("second", 6, TOMORROW)
    shop.place(*[1] * 6)
    shop.change("batch", 1)
    shop.change("second", 1)
    finish(shop)
    assert [shop.product.batch(name).allocated_quantity for name in ("batch", "second")] == [1, 1]
    assert shop.where()["order-1"] == "batch"
    assert shop.state.waiting_lines == 14


@pytest.mark.parametrize("steps_max", [1, 2, 3, 7])
def test_in_the_end_the_lines_stand_where_they_would_have_stood_at_once(steps_max: int) -> None:
    shops = Shop(steps_max=1_000), Shop(steps_max=steps_max)
    for shop in shops:
        shop.stock("batch", 30)
        shop.place(7, 1, 5, 2, 6, 4, 3, 2)
        finish(shop)
        shop.stock("spare", 6, TOMORROW)
        shop.change("batch", 11)
        finish(shop)
    at_once, in_parts = shops
    assert in_parts.where() == at_once.where()
    assert in_parts.available("batch") == at_once.available("batch")
