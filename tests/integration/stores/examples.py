"""Rows to write, and what is asked of a store in one line."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from allocation.domain.batch import Batch
from allocation.domain.order_line import KeptLine, LineState, OrderLine
from allocation.domain.product_state import ProductState
from allocation.service_layer.housekeeping import ParkingReason
from allocation.service_layer.records import InboxEntry, InboxKey, LoggedEvent, ParkedMessage, StreamPlace
from allocation.service_layer.store import Changes, Footprint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from allocation.service_layer.store import Loaded, Store
    from allocation.service_layer.views import Reader

RUG = "GARISH-RUG"
NOW = datetime(2026, 5, 1, 12, 0, 0, 123_456, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)


@dataclass(frozen=True)
class Opened:
    """An open store, and who reads from it."""

    store: Store
    reader: Reader

    async def write(self, changes: Changes) -> None:
        """Write in a transaction of its own."""
        await self.store.transact(lambda transaction: transaction.write(changes))

    async def load(self, footprint: Footprint) -> Loaded:
        """Load in a transaction of its own."""
        return await self.store.transact(lambda transaction: transaction.load(footprint))

    async def latest_lines(self, reference: str, below: int, limit: int) -> list[int]:
        """Load lines of a batch, and answer their promise numbers."""
        lines = await self.store.transact(lambda transaction: transaction.latest_lines(reference, below, limit))
        return [kept.promise_number for kept in lines]

    async def waiting_lines(self, sku: str, after: int, quantity_max: int, limit: int) -> list[int]:
        """Load waiting lines, and answer their promise numbers."""
        lines = await self.store.transact(lambda transaction: transaction.waiting_lines(sku, after, quantity_max, limit))
        return [kept.promise_number for kept in lines]


def plain(values: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Take objects apart so that they can be compared, in an order that does not depend on the store."""
    return sorted((astuple(value) for value in values), key=repr)


def product(sku: str = RUG, **state: int) -> ProductState:
    """Make a product of which nothing is known but the given."""
    return ProductState(sku, **state)


def batch(reference: str, quantity: int = 10, allocated: int = 0, sku: str = RUG, target: int | None = None) -> Batch:
    """Make a batch in stock."""
    return Batch(reference, sku, quantity, None, allocated, quantity, quantity if target is None else target)


def on_batch(number: int, reference: str = "b1", sku: str = RUG) -> KeptLine:
    """Make a line of one unit that is promised to a batch."""
    return KeptLine(OrderLine(f"order-{number}", sku, sku, 1), number, LineState.ALLOCATED, reference, number)


def waiting(number: int, quantity: int = 1, sku: str = RUG, state: LineState = LineState.BACKORDERED) -> KeptLine:
    """Make a line that waits for stock."""
    return KeptLine(OrderLine(f"order-{number}", sku, sku, quantity), number, state, None, number)


def event(number: int, *, public: bool = True, sku: str = RUG) -> LoggedEvent:
    """Make an event for the log."""
    return LoggedEvent(
        event_id=f"event-{number}",
        type="stock.allocation.v1.OutOfStock" if public else "internal.QuantitySkipped",
        subject="allocation.out_of_stock" if public else None,
        sku=sku,
        sku_sequence=number if public else None,
        payload=b"\x00\xff" + bytes([number % 256]),
        occurred_at=NOW,
        correlation_id="correlation",
        causation_id="causation",
        traceparent="00-aa-bb-01" if number % 2 else None,
    )


def inbox_entry(message_id: str) -> InboxEntry:
    """Make an entry of the inbox."""
    return InboxEntry(InboxKey("/shop", message_id), b"\x00" * 32, StreamPlace("INBOUND", 1, 7), NOW)


def parked_message(sequence: int) -> ParkedMessage:
    """Make a parked message."""
    place = StreamPlace("INBOUND", 1, sequence)
    headers = '{"ce-id": "7"}'
    return ParkedMessage(
        place, "batch.created", headers, b"\xff", b"\x00" * 32, 3, ParkingReason.MALFORMED, "no such bytes", NOW, 1, 10**15
    )


def rows_of_everything() -> Changes:
    """One row for every table."""
    return Changes(
        products=[product(batch_count=1, promise_number=1, sku_sequence=2)],
        new_batches=[batch("b1", 10, allocated=1)],
        new_lines=[on_batch(1)],
        events=[event(1)],
        inbox=[inbox_entry("7")],
        parked=[parked_message(8)],
    )


NO_FOOTPRINT = Footprint()
