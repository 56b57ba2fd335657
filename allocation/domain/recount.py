"""A product whose counters are doubted is made what its lines come to. Only a repair does that: the rules keep them right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.domain.product_state import Recounted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from allocation.domain.product import Product
    from allocation.domain.product_state import LinesHeld


def recount(product: Product, held: LinesHeld) -> list[Recounted]:
    """Make every counter what the lines come to, and answer those that were not; all batches must be loaded.

    A batch that has promised more than it holds is treated as one that shrinks to what it holds: the lines promised last
    leave. Then all that wait are tried again.
    """
    found = [*_recount_product(product, held), *_recount_batches(product, held)]
    if product.state.promised_through is not None:
        product.state.promised_through = 0
    product.continue_promising()
    return found


def _recount_product(product: Product, held: LinesHeld) -> Iterator[Recounted]:
    state = product.state
    right = {
        "batch_count": len(product.batches),
        "waiting_lines": held.waiting,
        "promise_number": max(state.promise_number, held.promise_number),
    }
    for name, value in right.items():
        if (counted := getattr(state, name)) != value:
            setattr(state, name, value)
            yield Recounted(None, name, counted, value)


def _recount_batches(product: Product, held: LinesHeld) -> Iterator[Recounted]:
    for batch in product.batches:
        promised = held.promised.get(batch.reference, 0)
        if (counted := batch.allocated_quantity) != promised:
            batch.recount(promised)
            yield Recounted(batch.reference, "allocated_quantity", counted, promised)
