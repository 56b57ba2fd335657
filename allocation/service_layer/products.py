"""The products of a unit of work: made of what was loaded, and written down where they are not as they were."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from allocation.domain.errors import UnknownBatch
from allocation.domain.product import Product
from allocation.domain.product_state import ProductState

if TYPE_CHECKING:
    from allocation.domain.batch import Batch
    from allocation.domain.events import Event
    from allocation.service_layer.line_book import LineBook
    from allocation.service_layer.store import Changes, Loaded


class Products:
    """The products of a unit of work: those of the skus and batches that its footprint names."""

    def __init__(self, loaded: Loaded, lines: LineBook, recorded: list[Event], steps_max: int) -> None:
        self._lines = lines
        self._recorded = recorded
        self._steps_max = steps_max
        self._stored_states = {state.sku: replace(state) for state in loaded.products}
        self._stored_batches = {batch.reference: replace(batch) for batch in loaded.batches}
        self._sku_of_batch = {batch.reference: batch.sku for batch in loaded.batches}
        self._doubted = loaded.held.keys()
        batches_by_sku: dict[str, list[Batch]] = {state.sku: [] for state in loaded.products}
        for batch in loaded.batches:
            batches_by_sku.setdefault(batch.sku, []).append(batch)
        states = {state.sku: state for state in loaded.products}
        self._products = {
            sku: self._make(states.get(sku) or ProductState(sku), batches) for sku, batches in batches_by_sku.items()
        }

    def get(self, sku: str) -> Product:
        """Answer the product; a sku that nobody has heard of is one without batches and lines."""
        if sku not in self._products:
            self._products[sku] = self._make(ProductState(sku), [])
        return self._products[sku]

    def of_batch(self, reference: str) -> Product:
        """Answer the product that a batch belongs to.

        Raises:
            UnknownBatch: no batch has this reference.

        """
        sku = self._sku_of_batch.get(reference)
        if sku is None:
            raise UnknownBatch(reference)
        return self._products[sku]

    def batch(self, reference: str) -> Batch | None:
        """Answer a batch by its reference alone."""
        sku = self._sku_of_batch.get(reference)
        return None if sku is None else self._products[sku].batch(reference)

    def add(self, batch: Batch) -> None:
        """Make a batch that was just created known by its reference."""
        self._sku_of_batch[batch.reference] = batch.sku

    def changes(self, changes: Changes) -> None:
        """Write down every product and batch that is not as it was loaded."""
        for sku, product in self._products.items():
            if product.state != self._stored_states.get(sku, ProductState(sku)):
                changes.products.append(product.state)
        for reference, sku in self._sku_of_batch.items():
            batch, stored = self._products[sku].batch(reference), self._stored_batches.get(reference)
            if stored is None:
                changes.new_batches.append(batch)
            elif _quantities(batch) != _quantities(stored):
                changes.changed_batches.append(batch)

    def _make(self, state: ProductState, batches: list[Batch]) -> Product:
        doubted = state.sku in self._doubted
        self._lines.expect_waiting(
            state.sku,
            waiting=doubted or state.waiting_lines > 0,
            displaced=doubted or state.promised_through is not None,
        )
        return Product(state, batches, self._lines, self._recorded, self._steps_max)


def _quantities(batch: Batch) -> tuple[int, int, int]:
    return batch.purchased_quantity, batch.allocated_quantity, batch.target_quantity
