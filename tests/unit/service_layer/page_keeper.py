"""A transaction over lines in a list, and a line book over it; the lines are numbered by their promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.domain.order_line import KeptLine, LineState, OrderLine
from allocation.service_layer.line_book import LineBook

if TYPE_CHECKING:
    from allocation.service_layer.store import Changes, Footprint, Loaded

RUG = "GARISH-RUG"


class PageKeeper:
    """A transaction over lines in a list that writes down which pages were asked for."""

    def __init__(self, *lines: KeptLine) -> None:
        self.lines = lines
        self.asked: list[tuple[object, ...]] = []

    def load(self, footprint: Footprint) -> Loaded:
        raise AssertionError(f"a line book loads no footprint, not {footprint}")

    def write(self, changes: Changes) -> None:
        raise AssertionError(f"a line book writes nothing, not {changes}")

    def latest_lines(self, batch_reference: str, below: int, limit: int) -> list[KeptLine]:
        self.asked.append((batch_reference, below))
        found = [kept for kept in self.lines if kept.batch_reference == batch_reference and kept.promise_number < below]
        return sorted(map(_copy, found), key=lambda kept: -kept.promise_number)[:limit]

    def waiting_lines(self, sku: str, after: int, quantity_max: int, limit: int) -> list[KeptLine]:
        self.asked.append((sku, after, quantity_max))
        found = [
            kept
            for kept in self.lines
            if kept.line.sku == sku
            and kept.is_waiting
            and kept.promise_number > after
            and (kept.line.quantity <= quantity_max or kept.state is LineState.DISPLACED)
        ]
        return sorted(map(_copy, found), key=lambda kept: kept.promise_number)[:limit]


def _copy(kept: KeptLine) -> KeptLine:
    return KeptLine(kept.line, kept.promise_number, kept.state, kept.batch_reference, kept.sku_sequence)


def on_batch(number: int, batch_reference: str = "batch") -> KeptLine:
    return KeptLine(OrderLine(f"order-{number}", RUG, RUG, 1), number, LineState.ALLOCATED, batch_reference)


def waiting(number: int, quantity: int = 1, state: LineState = LineState.BACKORDERED) -> KeptLine:
    return KeptLine(OrderLine(f"order-{number}", RUG, RUG, quantity), number, state)


def book_over(transaction: PageKeeper, *, displaced: bool = False) -> LineBook:
    book = LineBook(transaction)
    book.expect_waiting(RUG, waiting=True, displaced=displaced)
    return book


def numbers_on(book: LineBook, batch_reference: str = "batch") -> list[int]:
    return [kept.promise_number for kept in book.latest_on(batch_reference)]


def numbers_waiting(book: LineBook, after: int = 0, room: int = 100) -> list[int]:
    return [kept.promise_number for kept in book.waiting(RUG, after, lambda: room)]


def move(book: LineBook, kept: KeptLine, batch_reference: str | None) -> None:
    kept.batch_reference = batch_reference
    kept.state = LineState.DISPLACED if batch_reference is None else LineState.ALLOCATED
    book.put(kept)
