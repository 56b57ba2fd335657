"""A batch beside the lines that were promised of it, and beside what was announced of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from allocation.adapters.sql import rows
from allocation.operators.books.disagreement import RESTORE, Disagreement

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHANGE_QUANTITY = (
    "ask the warehouse what the batch holds, and set it to another quantity and then to that one by ChangeBatchQuantity, "
    "so that it is announced"
)


class BatchRow(NamedTuple):
    """A row of batches, by the names of its columns."""

    reference: str
    sku: str
    purchased_quantity: int
    eta: int | None
    allocated_quantity: int
    created_quantity: int
    target_quantity: int


class Stock(NamedTuple):
    """What the log says of a batch: as it was created, and as it was announced last."""

    sku: str
    created_quantity: int
    purchased_quantity: int
    eta: int | None


def compare_batch(batch: BatchRow, promised: int, stock: Stock | None) -> Iterator[Disagreement]:
    """Compare a batch with the units that its lines come to, and with what the log says of it."""
    yield from _counted(batch, promised)
    yield from _announced(batch, stock)


def missing_batch(reference: str, stock: Stock) -> Disagreement:
    """Say of a batch that the log knows that it is not there."""
    eta = None if stock.eta is None else _shown(stock.eta)
    return Disagreement(
        "batch_missing",
        stock.sku,
        f"batch {reference!r}",
        "there is none",
        f"{stock.purchased_quantity} units, eta {eta}: the log has it",
        f"ask for it anew by CreateBatch, created with {stock.created_quantity} units, eta {eta}; "
        "then: allocation verify --repair",
    )


def missing_fence(reference: str, sku: str, cause: str) -> Disagreement:
    """Say of a batch whose quantity a message has changed that nothing keeps an older one from it."""
    return Disagreement(
        "fence_missing",
        sku,
        f"the fence of batch {reference!r}",
        "there is none",
        f"where the message stood that changed its quantity, {cause!r} by the log",
        "ask the warehouse what the batch holds, and set it to that by ChangeBatchQuantity, changed or not: it gets a fence",
    )


def _counted(batch: BatchRow, promised: int) -> Iterator[Disagreement]:
    name = f"batch {batch.reference!r}"
    if promised > batch.purchased_quantity:
        found = f"its lines come to {promised} units, allocated_quantity says {batch.allocated_quantity}"
        right = f"at most {batch.purchased_quantity}, which it holds: the lines promised last have to leave"
        yield Disagreement("batch_oversold", batch.sku, name, found, right)
    elif promised != batch.allocated_quantity:
        found, right = str(batch.allocated_quantity), f"{promised}, which its lines come to"
        yield Disagreement("batch_allocated_quantity", batch.sku, f"{name}: allocated_quantity", found, right)
    if batch.target_quantity > batch.purchased_quantity:
        found, right = str(batch.target_quantity), f"at most {batch.purchased_quantity}, which it holds"
        yield Disagreement("batch_target_quantity", batch.sku, f"{name}: target_quantity", found, right, _CHANGE_QUANTITY)


def _announced(batch: BatchRow, stock: Stock | None) -> Iterator[Disagreement]:
    name = f"batch {batch.reference!r}"
    if stock is None:
        yield Disagreement("batch_without_event", batch.sku, name, "the log has no event of it", "a StockChanged", RESTORE)
        return
    compared = {
        "sku": (batch.sku, stock.sku, RESTORE),
        "eta": (_shown(batch.eta), _shown(stock.eta), RESTORE),
        "created_quantity": (batch.created_quantity, stock.created_quantity, RESTORE),
        "purchased_quantity": (batch.purchased_quantity, stock.purchased_quantity, _CHANGE_QUANTITY),
    }
    for column, (found, said, advice) in compared.items():
        if found != said:
            right = f"{said}, as the log says"
            yield Disagreement(f"batch_{column}", batch.sku, f"{name}: {column}", str(found), right, advice)


def _shown(instant: int | None) -> str:
    if instant is None:
        return "none: in stock"
    try:
        return rows.instant(instant).isoformat()
    except OverflowError:
        return f"{instant} microseconds since 1970, beyond the calendar"
