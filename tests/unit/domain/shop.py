"""A product with its lines in a plain list: as much world as the model needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from allocation.domain.commands import CreateBatch
from allocation.domain.order_line import KeptLine, OrderLine
from allocation.domain.product import Product
from allocation.domain.product_state import ProductState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from allocation.domain.events import Event

TODAY = datetime(2026, 1, 1, tzinfo=UTC)
TOMORROW = TODAY + timedelta(days=1)
LATER = TOMORROW + timedelta(days=10)


class ListOfLines:
    """Keeps the promise of `domain.lines.Lines` by looking at every line each time."""

    def __init__(self) -> None:
        self.lines: list[KeptLine] = []

    def find(self, order_id: str, line_id: str) -> KeptLine | None:
        return next((kept for kept in self.lines if (kept.line.order_id, kept.line.line_id) == (order_id, line_id)), None)

    def put(self, kept: KeptLine) -> None:
        if kept not in self.lines:
            self.lines.append(kept)

    def latest_on(self, batch_reference: str) -> Iterator[KeptLine]:
        on_batch = [kept for kept in self.lines if kept.batch_reference == batch_reference]
        return iter(sorted(on_batch, key=lambda kept: -kept.promise_number))

    def waiting(self, sku: str, after: int, room: Callable[[], int]) -> Iterator[KeptLine]:  # noqa: ARG002 - may be used
        waiting = [kept for kept in self.lines if kept.line.sku == sku and kept.is_waiting and kept.promise_number > after]
        return iter(sorted(waiting, key=lambda kept: kept.promise_number))


class Shop:
    """One product as the tests order from it; `events` holds all that happened."""

    def __init__(self, sku: str = "SMALL-TABLE", steps_max: int = 1_000) -> None:
        self.sku = sku
        self.lines = ListOfLines()
        self.events: list[Event] = []
        self.state = ProductState(sku)
        self.product = Product(self.state, [], self.lines, self.events, steps_max)

    def stock(self, reference: str, quantity: int, eta: datetime | None = None) -> None:
        """Create a batch."""
        self.product.create_batch(CreateBatch(reference, self.sku, quantity, eta))

    def line(self, order_id: str, quantity: int) -> OrderLine:
        """Make a line of an order that orders nothing else."""
        return OrderLine(order_id, self.sku, self.sku, quantity)

    def place(self, *quantities: int) -> None:
        """Place order-1, order-2, and so on, each of one line with the next of the quantities."""
        placed = len(self.lines.lines)
        for number, quantity in enumerate(quantities, start=placed + 1):
            self.product.place(self.line(f"order-{number}", quantity))

    def change(self, reference: str, quantity: int) -> list[str]:
        """Change the quantity of a batch, and tell what happened."""
        self.events.clear()
        self.product.change_batch_quantity(reference, quantity)
        return self.told()

    def told(self) -> list[str]:
        """Tell each event in short: its name, and the order or the batch that it is about."""
        return [
            " ".join([type(event).__name__, event.line.order_id if hasattr(event, "line") else _about(event)]).strip()
            for event in self.events
        ]

    def where(self) -> dict[str, str | None]:
        """Tell the batch of each order's line."""
        return {kept.line.order_id: kept.batch_reference for kept in self.lines.lines}

    def available(self, reference: str) -> int:
        """Tell what a batch has left."""
        return self.product.batch(reference).available_quantity


def _about(event: Event) -> str:
    return str(getattr(event, "batch_reference", ""))
