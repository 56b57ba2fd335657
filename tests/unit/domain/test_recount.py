"""A product whose counters are wrong is mended from its lines: none is lost, what was promised too often is promised anew."""

from __future__ import annotations

import pytest

from allocation.domain.product_state import LinesHeld, Recounted
from allocation.domain.recount import recount as recount_product
from tests.unit.domain.shop import TOMORROW, Shop
from tests.unit.domain.test_bounded_work import check_never_oversold, finish


def held_in(shop: Shop) -> LinesHeld:
    """Sum up the lines as a store does."""
    held = LinesHeld()
    for kept in shop.lines.lines:
        held.promise_number = max(held.promise_number, kept.promise_number)
        if kept.batch_reference is None:
            held.waiting += 1
        else:
            held.promised[kept.batch_reference] = held.promised.get(kept.batch_reference, 0) + kept.line.quantity
    return held


def recount(shop: Shop) -> list[Recounted]:
    shop.events.clear()
    return recount_product(shop.product, held_in(shop))


def shop_with_lines() -> Shop:
    """A batch of ten with nine promised, and one line that waits for five."""
    shop = Shop()
    shop.stock("batch", 10)
    shop.place(3, 3, 3, 5)
    return shop


def test_right_counters_stay_and_nothing_happens() -> None:
    shop = shop_with_lines()
    assert (recount(shop), shop.told()) == ([], [])


def test_a_batch_that_counts_too_much_gets_its_room_back_and_promises_it() -> None:
    shop = shop_with_lines()
    shop.change("batch", 14)
    shop.place(4)
    shop.product.batch("batch").purchased_quantity = shop.product.batch("batch").target_quantity = 18
    shop.product.batch("batch").allocated_quantity = 18
    assert recount(shop) == [Recounted("batch", "allocated_quantity", 18, 14)]
    assert shop.told() == ["Allocated order-5"]
    check_never_oversold(shop)


def test_a_batch_that_counts_too_little_counts_what_its_lines_come_to() -> None:
    shop = shop_with_lines()
    shop.product.batch("batch").allocated_quantity = 2
    assert recount(shop) == [Recounted("batch", "allocated_quantity", 2, 9)]
    assert shop.told() == []
    check_never_oversold(shop)


def test_a_batch_that_promised_more_than_it_has_loses_the_lines_promised_last_which_are_tried_elsewhere() -> None:
    shop = shop_with_lines()
    shop.stock("spare", 3, TOMORROW)
    shop.product.batch("batch").purchased_quantity = shop.product.batch("batch").target_quantity = 5
    shop.product.batch("batch").allocated_quantity = 5
    assert recount(shop) == [Recounted("batch", "allocated_quantity", 5, 9)]
    assert shop.told()[:2] == ["Deallocated order-3", "Deallocated order-2"]
    assert shop.where() == {"order-1": "batch", "order-2": "spare", "order-3": None, "order-4": None}
    assert shop.product.batch("batch").purchased_quantity == 5
    check_never_oversold(shop)


@pytest.mark.parametrize("steps_max", [1, 2])
def test_more_lines_than_a_transaction_takes_leave_in_parts_and_the_books_are_whole_at_every_step(steps_max: int) -> None:
    shop = Shop(steps_max=steps_max)
    shop.stock("batch", 10)
    shop.place(*[1] * 10)
    batch = shop.product.batch("batch")
    batch.purchased_quantity = batch.target_quantity = batch.allocated_quantity = 3
    recount(shop)
    assert shop.state.promised_through is not None
    check_never_oversold(shop)
    finish(shop)
    assert (batch.purchased_quantity, batch.allocated_quantity, shop.state.waiting_lines) == (3, 3, 7)


@pytest.mark.parametrize("counter", ["batch_count", "waiting_lines"])
@pytest.mark.parametrize("wrong", [0, 7])
def test_the_product_counts_its_batches_and_its_waiting_lines_anew(counter: str, wrong: int) -> None:
    shop = shop_with_lines()
    setattr(shop.state, counter, wrong)
    assert recount(shop) == [Recounted(None, counter, wrong, 1)]
    assert getattr(shop.state, counter) == 1


def test_the_promise_number_is_raised_to_that_of_its_lines_and_never_lowered() -> None:
    shop = shop_with_lines()
    shop.state.promise_number = 2
    assert recount(shop) == [Recounted(None, "promise_number", 2, 4)]
    shop.state.promise_number = 9
    assert recount(shop) == []
    assert shop.state.promise_number == 9


def test_what_was_unfinished_is_tried_again_from_the_first_line() -> None:
    shop = Shop(steps_max=2)
    shop.place(*[1] * 5)
    shop.stock("batch", 5)
    assert shop.state.promised_through is not None
    shop.state.promised_through = 4  # as if the third and fourth had been tried
    recount(shop)
    finish(shop)
    assert set(shop.where().values()) == {"batch"}
