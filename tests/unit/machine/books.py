"""All that a store holds, whichever store it is, and what must be true of it at every moment."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stock.allocation.v1 import events_pb2

from allocation.domain.order_line import LineState
from tests.unit.house import decoded

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from google.protobuf.message import Message

    from allocation.adapters.memory import MemoryStore
    from allocation.domain.batch import Batch
    from allocation.domain.order_line import KeptLine
    from allocation.domain.product_state import ProductState
    from allocation.service_layer.records import LoggedEvent


@dataclass(frozen=True)
class Books:
    """A snapshot of a store: its products, batches and lines, its log, and the skus that are unfinished."""

    products: dict[str, ProductState]
    batches: dict[str, Batch]
    lines: dict[tuple[str, str], KeptLine]
    log: Sequence[LoggedEvent]
    unfinished: Collection[str]

    def public_events(self) -> list[Message]:
        """Read every public event of the log."""
        return [decoded(event) for event in self.log if event.subject is not None]

    def where(self) -> dict[tuple[str, str], str | None]:
        """Tell the batch of each kept line."""
        return {key: kept.batch_reference for key, kept in self.lines.items()}

    def told(self) -> list[tuple[object, ...]]:
        """Tell each public event as the naive model does."""
        return [_in_short(event) for event in self.public_events() if not isinstance(event, events_pb2.Rejected)]

    def check(self) -> None:
        """Check everything that must be true at every moment."""
        self._check_batches()
        for sku, product in self.products.items():
            self._check_product(sku, product)
        self._check_sequences()
        self._check_replay()

    def check_finished(self) -> None:
        """Check what must be true once nothing is unfinished."""
        assert not self.unfinished
        for kept in self.lines.values():
            assert kept.state is not LineState.DISPLACED, kept
            fitting = [
                batch
                for batch in self.batches.values()
                if kept.is_waiting and batch.sku == kept.line.sku and batch.available_quantity >= kept.line.quantity
            ]
            assert not fitting, f"{kept} waits, and there is room on {fitting}"
        assert not any(batch.is_shrinking for batch in self.batches.values())

    def _check_batches(self) -> None:
        promised: Counter[str] = Counter()
        for kept in self.lines.values():
            assert (kept.state is LineState.ALLOCATED) == (kept.batch_reference is not None)
            if kept.batch_reference is not None:
                promised[kept.batch_reference] += kept.line.quantity
                assert self.batches[kept.batch_reference].sku == kept.line.sku
        for batch in self.batches.values():
            assert batch.allocated_quantity == promised[batch.reference], batch
            assert 0 <= batch.allocated_quantity <= batch.purchased_quantity, f"{batch} is oversold"
            assert batch.target_quantity <= batch.purchased_quantity, batch

    def _check_product(self, sku: str, product: ProductState) -> None:
        lines = [kept for kept in self.lines.values() if kept.line.sku == sku]
        assert sorted(kept.promise_number for kept in lines) == list(range(1, product.promise_number + 1))
        assert product.waiting_lines == sum(kept.is_waiting for kept in lines)
        assert product.batch_count == sum(batch.sku == sku for batch in self.batches.values())
        assert (product.promised_through is not None) == (sku in self.unfinished)
        if product.promised_through is None:
            assert all(kept.state is not LineState.DISPLACED for kept in lines)

    def _check_sequences(self) -> None:
        sequences = defaultdict(list)
        for event in self.log:
            if event.sku_sequence is not None:
                sequences[event.sku].append(event.sku_sequence)
        for sku, product in self.products.items():
            assert sequences[sku] == list(range(1, product.sku_sequence + 1)), f"{sku} has gaps"
        assert set(sequences) <= set(self.products)

    def _check_replay(self) -> None:
        """Build the state again from the events alone, and never be oversold on the way."""
        purchased: dict[str, int] = {}
        where: dict[tuple[str, str], str | None] = {}
        latest: dict[tuple[str, str], int] = {}
        promised: Counter[str] = Counter()
        for event in self.public_events():
            if isinstance(event, events_pb2.StockChanged):
                purchased[event.batch_reference] = event.purchased_quantity
            elif isinstance(event, events_pb2.Allocated | events_pb2.Deallocated | events_pb2.Backordered):
                key = (event.order_id, event.line_id)
                latest[key] = event.sku_sequence
                if isinstance(event, events_pb2.Allocated):
                    assert where.get(key) is None, f"{key} was promised twice"
                    where[key] = event.batch_reference
                    promised[event.batch_reference] += event.quantity
                elif isinstance(event, events_pb2.Deallocated):
                    assert where[key] == event.batch_reference
                    where[key] = None
                    promised[event.batch_reference] -= event.quantity
                else:
                    assert where.setdefault(key) is None
            for reference, quantity in promised.items():
                assert quantity <= purchased[reference], f"{reference} is oversold by its events"
        assert where == self.where()
        assert purchased == {batch.reference: batch.purchased_quantity for batch in self.batches.values()}
        assert latest == {key: kept.sku_sequence for key, kept in self.lines.items()}


def books_of_memory(store: MemoryStore) -> Books:
    """Open the books of a store in memory."""
    lines: dict[tuple[str, str], KeptLine] = {(key.order_id, key.line_id): kept for key, kept in store.kept.items()}
    return Books(store.products, store.batches_by_reference, lines, store.log, store.commands.keys())


def _in_short(event: Any) -> tuple[object, ...]:  # noqa: ANN401 - any of the public events
    name = type(event).__name__
    if isinstance(event, events_pb2.StockChanged):
        return name, event.sku, event.batch_reference, event.purchased_quantity
    line = (event.order_id, event.line_id)
    if isinstance(event, events_pb2.Allocated | events_pb2.Deallocated):
        return name, event.sku, line, event.batch_reference
    return name, event.sku, line, event.quantity
