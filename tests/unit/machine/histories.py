"""Random commands over so few names that they meet, conflict and repeat themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged, OrderPlaced, OrderPlacedLine

from allocation.domain.batch import Batch
from allocation.domain.commands import Allocate, ChangeBatchQuantity, Command, CreateBatch, PlaceOrder
from allocation.domain.errors import Rejection
from allocation.domain.order_line import LineStatus, OrderLine
from allocation.service_layer.handlers import QuantityChanged
from allocation.service_layer.inbox import Consumption
from tests.unit.house import asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message

    from allocation.service_layer.envelope import Envelope
    from tests.unit.house import Consumer

SKUS = st.sampled_from(["RUG", "LAMP"])
REFERENCES = st.sampled_from(["batch-a", "batch-b", "batch-c", "batch-d"])
ETAS = st.sampled_from([None, None, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)])
ORDERS = st.sampled_from([f"order-{number}" for number in range(12)])

LINES = st.builds(OrderLine, ORDERS, st.sampled_from(["line-1", "line-2"]), SKUS, st.integers(1, 5))


def _placed(lines: Sequence[OrderLine]) -> PlaceOrder:
    order_id = lines[0].order_id
    return PlaceOrder(order_id, tuple(OrderLine(order_id, line.line_id, line.sku, line.quantity) for line in lines))


COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(CreateBatch, REFERENCES, SKUS, st.integers(1, 12), ETAS),
    st.builds(Allocate, LINES),
    st.builds(ChangeBatchQuantity, REFERENCES, st.integers(0, 12)),
    st.lists(LINES, min_size=1, max_size=2, unique_by=lambda line: line.line_id).map(_placed),
)


PUBLISHED = COMMANDS.filter(lambda command: not isinstance(command, Allocate))
"""Those that can come by the stream."""


class Doors:
    """Brings each command by the door that it has: orders by the stream, the others by RPC."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    def envelope(self, command: Command) -> Envelope:
        """Put a command into an envelope; an order becomes a message of its own first."""
        return self.published(command) if isinstance(command, PlaceOrder) else asked(command)

    def published(self, command: Command) -> Envelope:
        """Put a command into the message that brings it, as the next of the stream."""
        return self._consumer.envelope(self._consumer.message(_event_of(command)))


def _event_of(command: Command) -> Message:
    match command:
        case PlaceOrder(order_id, lines):
            placed = [OrderPlacedLine(line_id=line.line_id, sku=line.sku, quantity=line.quantity) for line in lines]
            return OrderPlaced(order_id=order_id, lines=placed)
        case ChangeBatchQuantity(reference, quantity):
            return BatchQuantityChanged(batch_reference=reference, quantity=quantity)
        case CreateBatch(reference, sku, quantity, eta):
            return BatchCreated(batch_reference=reference, sku=sku, purchased_quantity=quantity, eta=eta)
    raise AssertionError(command)


def in_short(answer: object) -> object:
    """Tell an answer as the naive model does."""
    match answer:
        case Rejection():
            return type(answer).__name__
        case LineStatus():
            return answer.batch_reference
        case Batch():
            return answer.purchased_quantity, answer.allocated_quantity
        case QuantityChanged():
            return in_short(answer.batch)
        case Consumption():
            return answer
    raise AssertionError(answer)
