"""Mends a product: its lines stand where the log says, its counters say what its lines come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from allocation.domain.events import ProductRepaired
from allocation.domain.order_line import KeptLine, LineState, OrderLine
from allocation.domain.recount import recount

if TYPE_CHECKING:
    from allocation.domain.product import Product
    from allocation.domain.product_state import LinesHeld, Recounted
    from allocation.service_layer.housekeeping import LineCorrection, RepairProduct
    from allocation.service_layer.unit_of_work import UnitOfWork


@dataclass
class Repair:
    """What was changed, and what could not be, with what to do about it; in words."""

    changes: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


def repair_product(command: RepairProduct, uow: UnitOfWork) -> Repair:
    """Mend a product, on what it is now and not on what it was when somebody looked."""
    repair, product, held = Repair(), uow.products.get(command.sku), uow.held[command.sku]
    state, happened = product.state, len(uow.recorded)
    if state.sku_sequence < command.sku_sequence_min:
        repair.changes.append(f"sku_sequence was {state.sku_sequence}, is {command.sku_sequence_min}")
        state.sku_sequence = command.sku_sequence_min
    if state.promise_number < held.promise_number:
        repair.changes.append(f"promise_number was {state.promise_number}, is {held.promise_number}")
        state.promise_number = held.promise_number
    for correction in command.lines:
        _correct(correction, product, held, uow, repair)
    was_unfinished = state.promised_through is not None
    repair.changes += map(_in_words, recount(product, held))
    _finish(command.sku, uow, repair, was_unfinished=was_unfinished)
    repair.changes += [f"then {count} x {name}" for name, count in _happened_since(happened, uow).items()]
    if repair.changes:
        uow.recorded.append(ProductRepaired(command.sku, tuple(repair.changes)))
    return repair


def _correct(correction: LineCorrection, product: Product, held: LinesHeld, uow: UnitOfWork, repair: Repair) -> None:
    """Put a line where the log says that it stands, unless it has moved since, or that place is not there."""
    name = f"line {correction.line_id!r} of order {correction.order_id!r}"
    kept = uow.lines.find(correction.order_id, correction.line_id)
    if (kept.sku_sequence if kept is not None else 0) != correction.seen_sku_sequence:
        repair.refusals.append(f"{name} has moved since it was looked at: verify again")
        return
    if kept is not None and kept.line.sku != product.sku:
        repair.refusals.append(f"{name} is kept for sku {kept.line.sku!r}: restore its row from a backup")
        return
    reference = correction.batch_reference
    batch = None if reference is None else uow.products.batch(reference)
    if reference is not None and (batch is None or batch.sku != product.sku):
        repair.refusals.append(
            f"{name} belongs on batch {reference!r}, which this product does not have: create the batch first"
        )
        return
    corrected = KeptLine(
        OrderLine(correction.order_id, correction.line_id, product.sku, correction.quantity),
        kept.promise_number if kept is not None else _next_promise_number(product),
        _state(correction),
        reference,
        correction.sku_sequence,
    )
    _hold(held, kept, -1)
    _hold(held, corrected, +1)
    uow.lines.mend(corrected)
    repair.changes.append(f"{name} was {_where(kept)}, is {_where(corrected)}")


def _finish(sku: str, uow: UnitOfWork, repair: Repair, *, was_unfinished: bool) -> None:
    """Let a durable command wait for the product exactly if it is unfinished; events of this unit of work see to the rest."""
    is_unfinished = uow.products.get(sku).state.promised_through is not None
    if was_unfinished and sku not in uow.unfinished:
        repair.changes.append("promising was unfinished, and nothing went on with it")
    elif sku in uow.unfinished and not was_unfinished and not is_unfinished:
        uow.leave_unfinished(sku, None)
        repair.changes.append("a command waited to go on with promising, and there was nothing unfinished")


def _next_promise_number(product: Product) -> int:
    product.state.promise_number += 1
    return product.state.promise_number


def _state(correction: LineCorrection) -> LineState:
    if correction.batch_reference is not None:
        return LineState.ALLOCATED
    return LineState.DISPLACED if correction.displaced else LineState.BACKORDERED


def _hold(held: LinesHeld, kept: KeptLine | None, times: int) -> None:
    if kept is None:
        return
    if kept.batch_reference is None:
        held.waiting += times
    else:
        held.promised[kept.batch_reference] = held.promised.get(kept.batch_reference, 0) + times * kept.line.quantity


def _where(kept: KeptLine | None) -> str:
    if kept is None:
        return "not kept"
    place = f" to {kept.batch_reference!r}" if kept.batch_reference is not None else ""
    return f"{kept.state.value}{place} ({kept.line.quantity} units, sku_sequence {kept.sku_sequence})"


def _in_words(recounted: Recounted) -> str:
    whose = f"batch {recounted.batch_reference!r}: " if recounted.batch_reference is not None else ""
    return f"{whose}{recounted.counter} was {recounted.was}, is {recounted.now}"


def _happened_since(position: int, uow: UnitOfWork) -> dict[str, int]:
    counts: dict[str, int] = {}
    for event in uow.recorded[position:]:
        counts[type(event).__name__] = counts.get(type(event).__name__, 0) + 1
    return counts
