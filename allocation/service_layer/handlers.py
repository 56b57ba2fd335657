"""What is done about each command and event: plain functions, the message first. None commits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from allocation.domain import events
from allocation.domain.errors import BatchConflict, LineConflict
from allocation.service_layer.records import Fence

if TYPE_CHECKING:
    from allocation.domain import commands
    from allocation.domain.batch import Batch
    from allocation.domain.order_line import LineStatus
    from allocation.domain.product_state import Reallocation
    from allocation.service_layer.envelope import Envelope
    from allocation.service_layer.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class QuantityChanged:
    """The answer to ChangeBatchQuantity: the batch as it stands, and what became of its lines in this transaction."""

    batch: Batch
    reallocation: Reallocation


def create_batch(command: commands.CreateBatch, uow: UnitOfWork) -> Batch:
    """Take in a batch, once. Raises BatchConflict if it exists with other content."""
    batch = uow.products.batch(command.batch_reference)
    if batch is not None:
        if not batch.was_created_by(command):
            raise BatchConflict(command, batch)
    else:
        batch = uow.products.get(command.sku).create_batch(command)
        uow.products.add(batch)
    return _as_it_stands(batch)


def allocate(command: commands.Allocate, uow: UnitOfWork) -> LineStatus:
    """Promise a line. Raises UnknownSku or LineConflict."""
    return uow.products.get(command.line.sku).allocate(command.line)


def place_order(command: commands.PlaceOrder, uow: UnitOfWork) -> list[LineStatus]:
    """Decide an order line by line: the good ones stand, a conflicting one is announced as rejected."""
    statuses = []
    for line in command.lines:
        try:
            statuses.append(uow.products.get(line.sku).place(line))
        except LineConflict as conflict:
            uow.recorded.append(
                events.Rejected(
                    conflict.reason,
                    str(conflict),
                    sku=line.sku,
                    quantity=line.quantity,
                    order_id=line.order_id,
                    line_id=line.line_id,
                )
            )
    return statuses


def change_batch_quantity(command: commands.ChangeBatchQuantity, uow: UnitOfWork) -> QuantityChanged:
    """Set what a batch holds, and reallocate what no longer fits. Raises UnknownBatch."""
    product = uow.products.of_batch(command.batch_reference)
    reallocation = product.change_batch_quantity(command.batch_reference, command.quantity)
    last = uow.fences.get(command.batch_reference, Fence(0, 0, 0))
    uow.move_fence(command.batch_reference, last._replace(log_position=uow.log_position))
    return QuantityChanged(_as_it_stands(product.batch(command.batch_reference)), reallocation)


def continue_promising(command: commands.ContinuePromising, uow: UnitOfWork) -> bool:
    """Go on with a sku where an earlier transaction had to stop; drop the durable command if there is nothing to do.

    Answers whether that came any further.
    """
    product = uow.products.get(command.sku)
    if product.state.promised_through is None:
        uow.leave_unfinished(command.sku, None)
        return True
    return product.continue_promising()


def announce(event: events.Event, envelope: Envelope, uow: UnitOfWork) -> None:
    """Write an event to the log; a public one goes out from there."""
    uow.log(event, envelope)


def continue_later(event: events.PromisingUnfinished, envelope: Envelope, uow: UnitOfWork) -> None:
    """Leave a durable command to go on with the sku."""
    uow.leave_unfinished(event.sku, envelope)


def stop_continuing(event: events.PromisingFinished, _envelope: Envelope, uow: UnitOfWork) -> None:
    """Drop the durable command: its work is done."""
    uow.leave_unfinished(event.sku, None)


def _as_it_stands(batch: Batch) -> Batch:
    """Answer a copy: later commands of the same transaction go on changing the batch."""
    return replace(batch)
