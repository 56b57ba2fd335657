"""Checks the log against the rules of the business: which batch a line gets, who is served first, who leaves first."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.faults.ledger import LineName
from tests.faults.problem import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Evidence

Preference = tuple[bool, int, str]


@dataclass
class Shelf:
    """What the log has told so far of one sku: what its batches hold, who is on them, and who waits.

    Lines are known by their promise numbers, which say in which order they were promised first.
    """

    held: dict[str, int] = field(default_factory=dict)
    promised: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    preferences: dict[str, Preference] = field(default_factory=dict)
    roomy: list[Preference] = field(default_factory=list)
    on_batch: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    waiting: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    is_unfinished: bool = False

    def room(self, reference: str) -> int:
        """How much of a batch is not promised."""
        return self.held.get(reference, 0) - self.promised[reference]

    @property
    def largest_room(self) -> int:
        """How large a line may be so that it fits somewhere."""
        return max((self.room(reference) for *_, reference in self.roomy), default=0)

    def best(self, quantity: int) -> str | None:
        """Answer the batch that a line of this quantity has to go to, if it fits anywhere."""
        return next((reference for *_, reference in self.roomy if self.room(reference) >= quantity), None)

    def first_waiting(self, before: int) -> int | None:
        """Answer a line that waits, fits somewhere, and was promised before this one."""
        largest = self.largest_room
        numbers = [numbers[0] for quantity, numbers in self.waiting.items() if numbers and quantity <= largest]
        return min((number for number in numbers if number < before), default=None)

    def stock(self, message: Any) -> None:  # noqa: ANN401 - a generated class
        """Take in a StockChanged."""
        eta = message.eta.ToMicroseconds() if message.HasField("eta") else 0
        self.preferences.setdefault(message.batch_reference, (message.HasField("eta"), eta, message.batch_reference))
        self._change(message.batch_reference, held=message.purchased_quantity)

    def promise(self, reference: str, quantity: int, number: int) -> None:
        """Take in an Allocated."""
        _remove(self.waiting[quantity], number)
        insort(self.on_batch[reference], number)
        self._change(reference, promised=quantity)

    def displace(self, reference: str, quantity: int, number: int) -> None:
        """Take in a Deallocated."""
        _remove(self.on_batch[reference], number)
        insort(self.waiting[quantity], number)
        self._change(reference, promised=-quantity)

    def backorder(self, quantity: int, number: int) -> None:
        """Take in a Backordered."""
        if number not in self.waiting[quantity]:
            insort(self.waiting[quantity], number)

    def _change(self, reference: str, *, held: int | None = None, promised: int = 0) -> None:
        was_roomy = self.room(reference) > 0
        self.held[reference] = self.held.get(reference, 0) if held is None else held
        self.promised[reference] += promised
        is_roomy = self.room(reference) > 0
        preference = self.preferences.setdefault(reference, (True, 0, reference))
        if is_roomy and not was_roomy:
            insort(self.roomy, preference)
        elif was_roomy and not is_roomy:
            self.roomy.remove(preference)


def check_rules(evidence: Evidence) -> Iterator[Problem]:
    """Follow the log: the best batch, whoever was promised first, and out of stock only what fits nowhere."""
    numbers = {LineName(line["order_id"], line["line_id"]): line["promise_number"] for line in evidence.tables["order_lines"]}
    yield from _check_numbers(evidence)
    shelves: defaultdict[str, Shelf] = defaultdict(Shelf)
    messages = {event["position"]: message for event, message in evidence.decoded()}
    for event in evidence.tables["events"]:
        kind, shelf = event["type"].rpartition(".")[2], shelves[event["sku"]]
        if kind in ("PromisingUnfinished", "PromisingFinished"):
            shelf.is_unfinished = kind == "PromisingUnfinished"
        elif kind == "StockChanged":
            shelf.stock(messages[event["position"]])
        elif kind in _FOLLOWED:
            message = messages[event["position"]]
            number = numbers.get(LineName(message.order_id, message.line_id))
            if number is not None or kind == "OutOfStock":
                shown = f"{kind} {message.sku} {message.sku_sequence} ({message.order_id} {message.line_id})"
                yield from _FOLLOWED[kind](shelf, message, number or 0, shown)


def _check_numbers(evidence: Evidence) -> Iterator[Problem]:
    """No two lines of a sku have the same promise number, and none has one that its product has not given yet."""
    given = {product["sku"]: product["promise_number"] for product in evidence.tables["products"]}
    seen: set[tuple[str, int]] = set()
    for line in evidence.tables["order_lines"]:
        key = (line["sku"], line["promise_number"])
        if key in seen:
            yield Problem(Kind.DOUBLED, f"{line['sku']} has two lines of promise number {line['promise_number']}")
        if line["promise_number"] > given.get(line["sku"], 0):
            sentence = f"has promise number {line['promise_number']}, {line['sku']} has given {given.get(line['sku'])}"
            yield Problem(Kind.WRONG, f"line {line['order_id']} {line['line_id']} {sentence}")
        seen.add(key)


def _follow_allocated(shelf: Shelf, message: Any, number: int, shown: str) -> Iterator[Problem]:  # noqa: ANN401 - a generated class
    if (best := shelf.best(message.quantity)) not in (None, message.batch_reference):
        yield Problem(Kind.OUT_OF_ORDER, f"{shown} went to {message.batch_reference}, and {best} comes first and has room")
    if (first := shelf.first_waiting(number)) is not None:
        yield Problem(Kind.OUT_OF_ORDER, f"{shown} was served, and number {first} waits, fits and comes before it")
    shelf.promise(message.batch_reference, message.quantity, number)


def _follow_deallocated(shelf: Shelf, message: Any, number: int, shown: str) -> Iterator[Problem]:  # noqa: ANN401 - a generated class
    last = max(shelf.on_batch[message.batch_reference], default=number)
    if last > number:
        sentence = f"left {message.batch_reference} before number {last}, which was promised after it"
        yield Problem(Kind.OUT_OF_ORDER, f"{shown}, number {number}, {sentence}")
    shelf.displace(message.batch_reference, message.quantity, number)


def _follow_backordered(shelf: Shelf, message: Any, number: int, shown: str) -> Iterator[Problem]:  # noqa: ANN401 - a generated class
    yield from _follow_out_of_stock(shelf, message, number, shown)
    shelf.backorder(message.quantity, number)


def _follow_out_of_stock(shelf: Shelf, message: Any, _: int, shown: str) -> Iterator[Problem]:  # noqa: ANN401 - a generated class
    if not shelf.is_unfinished and (best := shelf.best(message.quantity)) is not None:
        yield Problem(Kind.WRONG, f"{shown} asked for {message.quantity}, and {best} had room for {shelf.room(best)}")


_FOLLOWED = {
    "Allocated": _follow_allocated,
    "Deallocated": _follow_deallocated,
    "Backordered": _follow_backordered,
    "OutOfStock": _follow_out_of_stock,
}


def _remove(numbers: list[int], number: int) -> None:
    place = bisect_left(numbers, number)
    if place < len(numbers) and numbers[place] == number:
        del numbers[place]
