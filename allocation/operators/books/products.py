"""A product beside all that is there of its sku: what it counts, and whether anything was left off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from allocation.operators.books.disagreement import Disagreement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from allocation.operators.books.batches import BatchRow


class ProductRow(NamedTuple):
    """A row of products, by the names of its columns."""

    sku: str
    sku_sequence: int
    promise_number: int
    batch_count: int
    waiting_lines: int
    promised_through: int | None


@dataclass(slots=True)
class SkuTotals:
    """What the rows of a sku come to."""

    batches: int = 0
    waiting: int = 0
    displaced: int = 0
    promise_number: int = 0
    smallest_waiting: int | None = None
    largest_room: int = 0
    has_shrinking: bool = False

    def add_batch(self, batch: BatchRow) -> None:
        """Take up one of its batches."""
        self.batches += 1
        self.largest_room = max(self.largest_room, batch.purchased_quantity - batch.allocated_quantity)
        self.has_shrinking |= batch.target_quantity < batch.purchased_quantity

    def add_waiting(self, quantity: int, *, is_displaced: bool) -> None:
        """Take up a line that is on no batch."""
        self.waiting += 1
        self.displaced += is_displaced
        self.smallest_waiting = min(self.smallest_waiting or quantity, quantity)


def compare_counters(product: ProductRow, totals: SkuTotals, highest_sequence: int) -> Iterator[Disagreement]:
    """Compare what a product counts with what there is."""
    counted = {
        "batch_count": (product.batch_count, totals.batches, "batches are there"),
        "waiting_lines": (product.waiting_lines, totals.waiting, "lines wait"),
        "promise_number": (
            product.promise_number,
            max(product.promise_number, totals.promise_number),
            "or more: a line has it",
        ),
        "sku_sequence": (
            product.sku_sequence,
            max(product.sku_sequence, highest_sequence),
            "or more: the log has come that far",
        ),
    }
    for counter, (found, right, why) in counted.items():
        if found != right:
            yield Disagreement(f"product_{counter}", product.sku, counter, str(found), f"{right} {why}")


def unfinished_without_command(sku: str) -> Disagreement:
    """Say of a product that nothing goes on with what it has begun."""
    what = "promising is unfinished, and no internal command waits to go on with it"
    return Disagreement("unfinished_without_command", sku, what, "there is none", "one")


def command_without_unfinished(sku: str) -> Disagreement:
    """Say of an internal command that it has nothing to go on with."""
    what = "an internal command waits to go on with promising"
    right = "no command; a service that runs drops it"
    return Disagreement("command_without_unfinished", sku, what, "nothing is unfinished", right)


def missing_product(sku: str) -> Disagreement:
    """Say of a sku that there is everything but the product."""
    return Disagreement("product_missing", sku, "the product", "there is no row", "one that counts its batches")


def left_off(sku: str, totals: SkuTotals, *, is_odd: bool) -> Iterator[Disagreement]:
    """Say what of a product that has finished is not finished; of an odd one what should follow cannot be told."""
    if totals.has_shrinking:
        what = "a batch that is to hold less than it does"
        yield Disagreement("shrink_left_off", sku, what, "nothing goes on with it", "finished, or unfinished")
    elif is_odd:
        return
    elif totals.displaced:
        what = "lines that left their batch and were not tried on the others"
        yield Disagreement("displaced_left_off", sku, what, str(totals.displaced), "none")
    elif totals.smallest_waiting is not None and totals.smallest_waiting <= totals.largest_room:
        what = f"a line that waits for {totals.smallest_waiting} units"
        found = f"a batch has room for {totals.largest_room}"
        yield Disagreement("waits_in_vain", sku, what, found, "allocated to it")
