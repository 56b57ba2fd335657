"""A kept line beside its last event in the log, and beside the batch that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stock.allocation.admin.v1.admin_service_pb2 import LineCorrection

from allocation.operators.books.disagreement import REPAIR, RESTORE, Disagreement

if TYPE_CHECKING:
    from collections.abc import Container

    from allocation.operators.books.batches import BatchRow
    from allocation.operators.books.standing import Standing


def line_without_event(order_id: str, line_id: str, row: Standing) -> Disagreement:
    """Say of a kept line that the log knows nothing of it."""
    advice = f"the log has no event of it. {RESTORE}"
    return Disagreement("line_without_event", row.sku, _name(order_id, line_id), str(row), "what its last event says", advice)


def line_elsewhere(order_id: str, line_id: str, row: Standing | None, said: Standing, batches: Container[str]) -> Disagreement:
    """Say of a line that it stands elsewhere than its last event says, or is not kept; with its correction if that is known."""
    advice = REPAIR
    if row is not None and row.sku != said.sku:
        advice = RESTORE
    elif said.batch_reference is not None and said.batch_reference not in batches:
        advice = f"create batch {said.batch_reference!r} first, which is missing, then: {REPAIR}"
    correction = LineCorrection(
        order_id=order_id,
        line_id=line_id,
        quantity=said.quantity,
        batch_reference=said.batch_reference or "",
        displaced=said.state == "displaced",
        sku_sequence=said.sku_sequence,
        seen_sku_sequence=0 if row is None else row.sku_sequence,
    )
    kind = "line_not_kept" if row is None else "line_stands_elsewhere"
    found = "it is not kept" if row is None else str(row)
    what, right = _name(order_id, line_id), f"{said}, by its last event"
    return Disagreement(kind, said.sku, what, found, right, advice, correction if advice == REPAIR else None)


def line_on_no_batch(order_id: str, line_id: str, row: Standing, reference: str, batch: BatchRow | None) -> Disagreement:
    """Say of a line that the batch it is allocated to is none of its sku."""
    found = "there is no such batch" if batch is None else f"that batch is of sku {batch.sku!r}"
    what = f"line {line_id!r} of order {order_id!r}, allocated to {reference!r}"
    advice = f"see the disagreement about batch {reference!r}"
    return Disagreement("line_on_no_batch", row.sku, what, found, f"a batch of sku {row.sku!r}", advice)


def _name(order_id: str, line_id: str) -> str:
    return f"line {line_id!r} of order {order_id!r}"
