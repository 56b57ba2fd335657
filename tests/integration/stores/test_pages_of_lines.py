"""The lines of a batch and the lines that wait: which, in which order, and how many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.domain.order_line import LineState
from allocation.service_layer.store import Changes
from tests.integration.stores.examples import RUG, on_batch, waiting

if TYPE_CHECKING:
    from tests.integration.stores.examples import Opened

ABOVE_ALL = 2**63 - 1


async def test_lines_of_a_batch_come_highest_promise_number_first(opened: Opened) -> None:
    await opened.write(Changes(new_lines=[on_batch(number) for number in (2, 30, 1, 4)]))
    assert await opened.latest_lines("b1", ABOVE_ALL, 10) == [30, 4, 2, 1]


async def test_lines_of_a_batch_are_below_the_mark_and_no_more_than_asked_for(opened: Opened) -> None:
    await opened.write(Changes(new_lines=[on_batch(number) for number in range(1, 8)]))
    assert await opened.latest_lines("b1", 6, 3) == [5, 4, 3]
    assert await opened.latest_lines("b1", 1, 3) == []


async def test_lines_of_other_batches_and_lines_that_wait_are_not_among_them(opened: Opened) -> None:
    await opened.write(Changes(new_lines=[on_batch(1), on_batch(2, "b2"), waiting(3)]))
    assert await opened.latest_lines("b1", ABOVE_ALL, 10) == [1]


async def test_waiting_lines_come_lowest_promise_number_first(opened: Opened) -> None:
    await opened.write(Changes(new_lines=[waiting(number) for number in (2, 30, 1, 4)]))
    assert await opened.waiting_lines(RUG, 0, 1, 10) == [1, 2, 4, 30]


async def test_waiting_lines_are_above_the_mark_and_no_more_than_asked_for(opened: Opened) -> None:
    await opened.write(Changes(new_lines=[waiting(number) for number in range(1, 8)]))
    assert await opened.waiting_lines(RUG, 2, 1, 3) == [3, 4, 5]
    assert await opened.waiting_lines(RUG, 7, 1, 3) == []


async def test_waiting_lines_that_are_too_large_are_left_out(opened: Opened) -> None:
    await opened.write(Changes(new_lines=[waiting(1, 5), waiting(2, 6), waiting(3, 1)]))
    assert await opened.waiting_lines(RUG, 0, 5, 10) == [1, 3]


async def test_displaced_lines_are_never_left_out(opened: Opened) -> None:
    await opened.write(Changes(new_lines=[waiting(1, 50, state=LineState.DISPLACED), waiting(2, 50)]))
    assert await opened.waiting_lines(RUG, 0, 0, 10) == [1]


async def test_lines_with_a_batch_and_lines_of_other_skus_do_not_wait(opened: Opened) -> None:
    await opened.write(Changes(new_lines=[on_batch(1), waiting(2, sku="LAMP"), waiting(3)]))
    assert await opened.waiting_lines(RUG, 0, 100, 10) == [3]


async def test_a_line_that_moved_is_found_where_it_is_now(opened: Opened) -> None:
    lines = [on_batch(1), on_batch(2)]
    await opened.write(Changes(new_lines=lines))
    moved = on_batch(2)
    moved.state, moved.batch_reference, moved.sku_sequence = LineState.BACKORDERED, None, 9
    await opened.write(Changes(changed_lines=[moved]))
    assert await opened.latest_lines("b1", ABOVE_ALL, 10) == [1]
    assert await opened.waiting_lines(RUG, 0, 1, 10) == [2]
