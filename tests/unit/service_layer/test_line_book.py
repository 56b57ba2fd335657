"""The kept lines inside a unit of work: pages of the store with what was changed meanwhile laid over them."""

from __future__ import annotations

import pytest

from allocation.domain.order_line import LineState
from allocation.service_layer import line_book
from allocation.service_layer.line_book import LineBook
from allocation.service_layer.records import LatestLines
from tests.unit.service_layer.page_keeper import (
    RUG,
    PageKeeper,
    book_over,
    move,
    numbers_on,
    numbers_waiting,
    on_batch,
    waiting,
)

PAGE_LINES = 3


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_book, "PAGE_LINES", PAGE_LINES)


def test_goes_through_all_pages_of_a_batch_the_highest_number_first() -> None:
    transaction = PageKeeper(*map(on_batch, range(1, 8)))
    assert numbers_on(book_over(transaction)) == [7, 6, 5, 4, 3, 2, 1]
    assert [below for _, below in transaction.asked[1:]] == [5, 2]


def test_loads_no_page_that_nobody_asks_for() -> None:
    transaction = PageKeeper(*map(on_batch, range(1, 8)))
    first = next(book_over(transaction).latest_on("batch"))
    assert (first.promise_number, len(transaction.asked)) == (7, 1)


def test_begins_with_the_lines_that_were_loaded_with_the_batch() -> None:
    transaction = PageKeeper(*map(on_batch, range(1, 8)))
    book = book_over(transaction)
    book.load([], {"batch": LatestLines([on_batch(7), on_batch(6)], complete=False)})
    assert numbers_on(book) == [7, 6, 5, 4, 3, 2, 1]
    assert transaction.asked[0] == ("batch", 6)


def test_does_not_ask_for_more_of_a_batch_that_was_loaded_whole() -> None:
    transaction = PageKeeper()
    book = book_over(transaction)
    book.load([], {"batch": LatestLines([on_batch(2), on_batch(1)], complete=True)})
    assert numbers_on(book) == [2, 1]
    assert transaction.asked == []


def test_a_line_that_left_a_batch_is_not_there_any_more() -> None:
    book = book_over(PageKeeper(*map(on_batch, range(1, 8))))
    for kept in book.latest_on("batch"):
        if kept.promise_number in {7, 4, 2}:
            move(book, kept, None)
    assert numbers_on(book) == [6, 5, 3, 1]
    assert numbers_waiting(book) == [2, 4, 7]


def test_a_line_that_came_back_stands_in_its_old_place() -> None:
    book = book_over(PageKeeper(*map(on_batch, range(1, 8))))
    (fifth,) = (kept for kept in book.latest_on("batch") if kept.promise_number == 5)
    move(book, fifth, None)
    move(book, fifth, "batch")
    assert numbers_on(book) == [7, 6, 5, 4, 3, 2, 1]
    assert numbers_waiting(book) == []


def test_a_line_that_came_from_elsewhere_takes_the_place_of_its_number() -> None:
    book = book_over(PageKeeper(*map(on_batch, (1, 2, 4, 5, 6, 7))))
    move(book, waiting(3), "batch")
    move(book, waiting(9), "batch")
    assert numbers_on(book) == [9, 7, 6, 5, 4, 3, 2, 1]


def test_a_line_is_one_object_however_it_is_found() -> None:
    book = book_over(PageKeeper(on_batch(1)))
    book.load([on_batch(1)], {"batch": LatestLines([on_batch(1)], complete=True)})
    found = book.find("order-1", RUG)
    assert found is not None
    assert list(book.latest_on("batch")) == [found]


def test_goes_through_all_pages_of_waiting_lines_the_lowest_number_first() -> None:
    transaction = PageKeeper(*map(waiting, range(1, 8)))
    assert numbers_waiting(book_over(transaction)) == [1, 2, 3, 4, 5, 6, 7]
    assert [asked[1] for asked in transaction.asked] == [0, 3, 6]


def test_begins_above_the_number_that_was_asked_for() -> None:
    assert numbers_waiting(book_over(PageKeeper(*map(waiting, range(1, 8)))), after=4) == [5, 6, 7]


def test_lines_put_meanwhile_stand_between_those_of_the_store() -> None:
    book = book_over(PageKeeper(*map(waiting, (1, 3, 5, 7))))
    for number in (2, 6, 9):
        book.put(waiting(number))
    assert numbers_waiting(book) == [1, 2, 3, 5, 6, 7, 9]


def test_a_line_that_got_a_batch_waits_no_more() -> None:
    book = book_over(PageKeeper(*map(waiting, range(1, 8))))
    for kept in book.waiting(RUG, 0, lambda: 100):
        if kept.promise_number % 2:
            move(book, kept, "batch")
    assert numbers_waiting(book) == [2, 4, 6]
    assert numbers_on(book) == [7, 5, 3, 1]


def test_each_page_is_asked_for_with_the_room_that_is_left_by_then() -> None:
    transaction = PageKeeper(*(waiting(number, quantity=1) for number in range(1, 8)))
    room = iter([10, 5, 1])
    list(book_over(transaction).waiting(RUG, 0, lambda: next(room)))
    assert [asked[2] for asked in transaction.asked] == [10, 5, 1]


def test_lines_too_large_for_any_batch_are_not_loaded() -> None:
    book = book_over(PageKeeper(waiting(1, 50), waiting(2, 5), waiting(3, 51)))
    assert numbers_waiting(book, room=50) == [1, 2]


def test_without_room_nothing_is_loaded() -> None:
    transaction = PageKeeper(waiting(1))
    assert numbers_waiting(book_over(transaction), room=0) == []
    assert transaction.asked == []


def test_displaced_lines_of_the_store_are_found_even_without_room() -> None:
    book = book_over(PageKeeper(waiting(1), waiting(2, 5, LineState.DISPLACED)), displaced=True)
    assert numbers_waiting(book, room=0) == [2]


def test_a_store_without_waiting_lines_is_not_asked() -> None:
    transaction = PageKeeper(waiting(1))
    book = LineBook(transaction)
    book.expect_waiting(RUG, waiting=False, displaced=False)
    book.put(waiting(2))
    assert numbers_waiting(book) == [2]
    assert transaction.asked == []


def test_tells_new_lines_from_changed_ones() -> None:
    book = book_over(PageKeeper(*map(on_batch, range(1, 4))))
    last = next(book.latest_on("batch"))
    move(book, last, None)
    newcomer = on_batch(4)
    book.put(newcomer)
    move(book, newcomer, None)
    assert (book.new_lines(), book.changed_lines(), book.put_count) == ([newcomer], [last], 2)
