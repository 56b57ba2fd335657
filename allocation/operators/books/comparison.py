"""Takes up a snapshot page by page in a fixed order, batches and the log first, and collects what does not agree.

How two books are compared, and in which words they disagree, stands beside it: batches, lines, products, oddities.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from allocation.operators.books.batches import BatchRow, compare_batch, missing_batch, missing_fence
from allocation.operators.books.disagreement import RESTORE, Disagreement
from allocation.operators.books.lines import line_elsewhere, line_on_no_batch, line_without_event
from allocation.operators.books.log_account import LogAccount
from allocation.operators.books.oddities import odd
from allocation.operators.books.products import (
    ProductRow,
    SkuTotals,
    command_without_unfinished,
    compare_counters,
    left_off,
    missing_product,
    unfinished_without_command,
)
from allocation.operators.books.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping


class Comparison:
    """Takes up every table of a snapshot: batches, the log, lines, commands, products, and what must not be there."""

    def __init__(self, truncated: Mapping[str, tuple[int, int]]) -> None:
        self.log = LogAccount(truncated)
        self.disagreements: list[Disagreement] = []
        self.checked = {"products": 0, "batches": 0, "order_lines": 0, "events": 0}
        self._batches: dict[str, BatchRow] = {}
        self._promised: defaultdict[str, int] = defaultdict(int)
        self._totals: defaultdict[str, SkuTotals] = defaultdict(SkuTotals)
        self._commands: set[str] = set()
        self._odd_skus: set[str] = set()

    def take_up_batches(self, page: Iterable[Any]) -> None:
        """Take up rows of batches: all of them come before anything else."""
        self._each(page, "batches", self._batch)

    def take_up_lines(self, page: Iterable[Any]) -> None:
        """Take up rows of order_lines, after all of the log."""
        self._each(page, "order_lines", self._line)

    def end_lines(self) -> None:
        """Say which lines the log knows and nobody keeps, and compare the batches, whose lines are summed up now."""
        for order_id, line_id, said in self.log.not_kept():
            self._disagree(line_elsewhere(order_id, line_id, None, said, self._batches))
        self.checked["events"] = self.log.events
        self.checked["batches"] = len(self._batches)
        self.disagreements += self.log.disagreements
        for batch in self._batches.values():
            self._disagree(*compare_batch(batch, self._promised[batch.reference], self.log.stock.get(batch.reference)))
        for reference, stock in self.log.stock.items():
            if reference not in self._batches:
                self._disagree(missing_batch(reference, stock))

    def changed_by(self, page: Iterable[Any]) -> dict[str, str]:
        """Answer what changed the quantities of those batches whose rows (reference, sku) these are, after all of the log."""
        return {row.reference: self.log.changed_by[row.reference] for row in page if row.reference in self.log.changed_by}

    def take_up_unfenced(self, page: Iterable[Any], messages: Collection[str]) -> None:
        """Take up rows (reference, sku) of batches without a fence: what a message has changed must have one.

        `messages` are those of the causes that the inbox knows. A place of a stream is a message, whatever the inbox has
        forgotten; what is neither may be a request, of which former releases left no fence.
        """
        skus = {row.reference: row.sku for row in page}
        for reference, cause in self.changed_by(page).items():
            if cause in messages or "/" in cause:
                self._disagree(missing_fence(reference, skus[reference], cause))

    def take_up_commands(self, skus: Iterable[str]) -> None:
        """Take up the skus that an internal command waits to go on with, before any product."""
        self._commands.update(skus)

    def take_up_products(self, page: Iterable[Any]) -> None:
        """Take up rows of products, after everything else of them."""
        self._each(page, "products", self._product)

    def end_products(self) -> None:
        """Say of which skus there is everything but the product, and which commands have nothing to go on with."""
        for sku in sorted(self._totals.keys() | set(self.log.skus_left())):
            self._disagree(missing_product(sku), *self.log.sequences(sku, self.log.highest.get(sku, 0)))
        self._disagree(*map(command_without_unfinished, sorted(self._commands)))

    def take_up_oddities(self, name: str, found: Iterable[Any]) -> None:
        """Take up rows that must not be there."""
        self._disagree(*odd(name, found))

    def _each(self, page: Iterable[Any], table: str, take_up: Callable[[Any], None]) -> None:
        """Take up each row; one that somebody has put there by force, and no service, must not hide what is amiss elsewhere."""
        for row in page:
            try:
                take_up(row)
            except (TypeError, ValueError, struct.error) as error:
                what, right = f"row {tuple(row)} of {table}", "what the service writes there"
                self._disagree(Disagreement("row_damaged", "", what, f"it cannot be read: {error}", right, RESTORE))

    def _batch(self, row: Any) -> None:  # noqa: ANN401 - a row of SQLAlchemy
        batch = BatchRow(*row)
        self._totals[batch.sku].add_batch(batch)
        self._batches[batch.reference] = batch

    def _line(self, row: Any) -> None:  # noqa: ANN401 - a row of SQLAlchemy
        order_id, line_id, sku, quantity, promise_number, state, batch_reference, sku_sequence = row
        self.checked["order_lines"] += 1
        batch = self._batches.get(batch_reference or "")
        numbered = self._totals[sku if batch is None else batch.sku]
        numbered.promise_number = max(numbered.promise_number, promise_number)
        if batch_reference is None:
            self._totals[sku].add_waiting(quantity, is_displaced=state == "displaced")
        else:
            self._promised[batch_reference] += quantity
        stands = Standing(state, quantity, sku_sequence, batch_reference, sku)
        said = self.log.compare(order_id, line_id, stands)
        if said is None:
            self._disagree(line_without_event(order_id, line_id, stands))
        elif said is not stands:
            self._disagree(line_elsewhere(order_id, line_id, stands, said, self._batches))
            self._odd_skus.add(sku)
        elif batch_reference is not None and (batch is None or batch.sku != sku):
            self._disagree(line_on_no_batch(order_id, line_id, stands, batch_reference, batch))

    def _product(self, row: Any) -> None:  # noqa: ANN401 - a row of SQLAlchemy
        self.checked["products"] += 1
        product = ProductRow(*row)
        sku, totals = product.sku, self._totals.pop(product.sku, SkuTotals())
        self._disagree(*compare_counters(product, totals, self.log.highest.get(sku, 0)))
        self._disagree(*self.log.sequences(sku, product.sku_sequence))
        if product.promised_through is None:
            self._disagree(*left_off(sku, totals, is_odd=sku in self._odd_skus))
        elif sku in self._commands:
            self._commands.remove(sku)
        else:
            self._disagree(unfinished_without_command(sku))

    def _disagree(self, *found: Disagreement) -> None:
        self._odd_skus.update(one.sku for one in found)
        self.disagreements += found
