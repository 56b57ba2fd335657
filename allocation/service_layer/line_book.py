"""The kept lines inside one unit of work: pages of the store, with everything that was changed meanwhile laid over them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from allocation.service_layer.records import LineKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from allocation.domain.order_line import KeptLine
    from allocation.service_layer.records import LatestLines
    from allocation.service_layer.store import Transaction

PAGE_LINES = 500
_ABOVE_ALL = 2**63 - 1


class LineBook:
    """Keeps the promise of `domain.lines.Lines` over a transaction.

    A line is one object, however it was found. Of the lines of a batch or a sku, those below (above) a mark are still in the
    store alone; the marks move a page at a time, and only when somebody asks.
    """

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._lines: dict[LineKey, KeptLine] = {}
        self._stored: set[LineKey] = set()
        self._put: dict[LineKey, KeptLine] = {}
        self._mended: set[LineKey] = set()
        self._once_on: defaultdict[str, dict[LineKey, KeptLine]] = defaultdict(dict)
        self._once_waiting: defaultdict[str, dict[LineKey, KeptLine]] = defaultdict(dict)
        self._latest_mark: dict[str, int] = {}
        self._stored_waiting: dict[str, bool] = {}
        self._stored_displaced: set[str] = set()

    def load(self, lines: Iterable[KeptLine], latest: dict[str, LatestLines]) -> None:
        """Take up what the unit of work loaded at its start."""
        self._take_up(lines)
        for batch_reference, found in latest.items():
            self._take_up(found.lines)
            self._latest_mark[batch_reference] = 0 if found.complete else found.lines[-1].promise_number

    def expect_waiting(self, sku: str, *, waiting: bool, displaced: bool) -> None:
        """Say whether the store holds waiting lines of a sku, and displaced ones among them: if not, it is never asked."""
        self._stored_waiting[sku] = waiting
        if displaced:
            self._stored_displaced.add(sku)

    def find(self, order_id: str, line_id: str) -> KeptLine | None:
        """Find a line that was named in the footprint, or put since."""
        return self._lines.get(LineKey(order_id, line_id))

    def put(self, kept: KeptLine) -> None:
        """Keep the line as it stands now."""
        key = LineKey(kept.line.order_id, kept.line.line_id)
        self._lines[key] = self._put[key] = kept
        self._index(key, kept)

    def mend(self, kept: KeptLine) -> None:
        """Keep the line as it is now, in place of whatever was kept under its name: all of it is written."""
        key = LineKey(kept.line.order_id, kept.line.line_id)
        for index in (*self._once_on.values(), *self._once_waiting.values()):
            index.pop(key, None)
        self._mended.add(key)
        self.put(kept)

    def latest_on(self, batch_reference: str) -> Iterator[KeptLine]:
        """Go through the lines promised to a batch, the highest promise number first."""
        below = _ABOVE_ALL
        mark = self._latest_mark.get(batch_reference, _ABOVE_ALL)
        while True:
            candidates = self._once_on[batch_reference].values()
            page = [kept for kept in candidates if mark <= kept.promise_number < below]
            for kept in sorted(page, key=lambda kept: -kept.promise_number):
                if kept.batch_reference == batch_reference:
                    yield kept
            if mark == 0:
                return
            below, mark = mark, self._load_latest(batch_reference, mark)

    def waiting(self, sku: str, after: int, room: Callable[[], int]) -> Iterator[KeptLine]:
        """Go through the lines of a sku without a batch above a promise number, the lowest first."""
        while True:
            through = self._load_waiting(sku, after, room())
            candidates = self._once_waiting[sku].values()
            page = [kept for kept in candidates if after < kept.promise_number <= through]
            for kept in sorted(page, key=lambda kept: kept.promise_number):
                if kept.is_waiting:
                    yield kept
            if through == _ABOVE_ALL:
                return
            after = through

    def new_lines(self) -> list[KeptLine]:
        """Answer the lines that were kept in this unit of work, in that order."""
        return [kept for key, kept in self._put.items() if key not in self._stored and key not in self._mended]

    def changed_lines(self) -> list[KeptLine]:
        """Answer the lines of the store that stand elsewhere now."""
        return [kept for key, kept in self._put.items() if key in self._stored and key not in self._mended]

    def mended_lines(self) -> list[KeptLine]:
        """Answer the lines of which more than their place may have changed."""
        return [kept for key, kept in self._put.items() if key in self._mended]

    @property
    def put_count(self) -> int:
        """How many lines were kept or changed."""
        return len(self._put)

    def _take_up(self, lines: Iterable[KeptLine]) -> None:
        for kept in lines:
            key = LineKey(kept.line.order_id, kept.line.line_id)
            if key not in self._lines:
                self._lines[key] = kept
                self._stored.add(key)
                self._index(key, kept)

    def _index(self, key: LineKey, kept: KeptLine) -> None:
        if kept.batch_reference is None:
            self._once_waiting[kept.line.sku][key] = kept
        else:
            self._once_on[kept.batch_reference][key] = kept

    def _load_latest(self, batch_reference: str, below: int) -> int:
        lines = self._transaction.latest_lines(batch_reference, below, PAGE_LINES)
        self._take_up(lines)
        mark = lines[-1].promise_number if len(lines) == PAGE_LINES else 0
        self._latest_mark[batch_reference] = mark
        return mark

    def _load_waiting(self, sku: str, after: int, room: int) -> int:
        if not self._stored_waiting.get(sku) or (room == 0 and sku not in self._stored_displaced):
            return _ABOVE_ALL
        lines = self._transaction.waiting_lines(sku, after, room, PAGE_LINES)
        self._take_up(lines)
        return lines[-1].promise_number if len(lines) == PAGE_LINES else _ABOVE_ALL
