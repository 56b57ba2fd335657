"""The message bus over the store in memory, with a stopped clock and counted ids: everything but the doors."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stock.allocation.v1 import events_pb2

from allocation.adapters.memory import MemoryStore
from allocation.adapters.memory_transaction import MemoryTransaction
from allocation.contract.inward import subject_of
from allocation.contract.outward import encode_event
from allocation.domain.commands import Allocate, Command, ContinuePromising, PlaceOrder
from allocation.domain.errors import Rejection
from allocation.domain.order_line import OrderLine
from allocation.entrypoints.inbound_envelope import envelope_of
from allocation.service_layer.envelope import Envelope
from allocation.service_layer.event_log import Recorder
from allocation.service_layer.housekeeping import ObserveStream
from allocation.service_layer.messagebus import GroupOutcome, MessageBus
from allocation.service_layer.streams import InboundMessage, StreamState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.message import Message

    from allocation.service_layer.records import LoggedEvent

TODAY = datetime(2026, 1, 1, tzinfo=UTC)
TOMORROW = TODAY + timedelta(days=1)
LATER = TOMORROW + timedelta(days=10)
INBOUND = "ALLOCATION_INBOUND"


def recorder() -> Recorder:
    """Make a recorder whose ids are event-1, event-2, and so on, and whose clock stands still."""
    numbers = itertools.count(1)
    return Recorder(encode_event, lambda: TODAY, lambda: f"event-{next(numbers)}")


def asked(command: Command, correlation_id: str = "correlation", causation_id: str = "causation") -> Envelope:
    """Put a command into an envelope as the gRPC door does."""
    return Envelope(command, correlation_id, causation_id)


def allocate(order_id: str, sku: str, quantity: int, line_id: str = "") -> Allocate:
    """Ask for a line."""
    return Allocate(OrderLine(order_id, line_id or sku, sku, quantity))


def place(order_id: str, **quantities: int) -> PlaceOrder:
    """Place an order of one line for each sku, written with underscores."""
    skus = {name.replace("_", "-"): quantity for name, quantity in quantities.items()}
    return PlaceOrder(order_id, tuple(OrderLine(order_id, sku, sku, quantity) for sku, quantity in skus.items()))


def decoded(event: LoggedEvent) -> Message:
    """Read a public event of the log."""
    message_type: type[Message] = getattr(events_pb2, event.type.rpartition(".")[2])
    return message_type.FromString(event.payload)


class House:
    """A store in memory and the bus over it; every group is one transaction."""

    def __init__(self, steps_max: int = 1_000) -> None:
        self.store = MemoryStore()
        self.bus = MessageBus(recorder(), promises_per_transaction_max=steps_max)

    def carry_out(self, *envelopes: Envelope) -> GroupOutcome:
        """Carry out one group in one transaction."""
        return self.bus.handle(envelopes, MemoryTransaction(self.store))

    def do(self, *commands: Command) -> Any:  # noqa: ANN401 - each command has an answer of its own type
        """Carry out commands one after the other, and answer what the last one answers, or raise what rejects it."""
        answer = None
        for command in commands:
            (answer,) = self.carry_out(asked(command)).answers
        if isinstance(answer, Rejection):
            raise answer
        return answer

    def finish(self) -> int:
        """Go on with what is unfinished until nothing is, and count how often."""
        times = 0
        while self.store.commands:
            times += 1
            assert times < 1_000, "it never ends"
            for left in list(self.store.commands.values()):
                self.carry_out(Envelope(ContinuePromising(left.sku), left.correlation_id, left.causation_id))
        return times

    def told(self) -> list[str]:
        """Name all that is in the log, in order."""
        return [event.type.rpartition(".")[2] for event in self.store.log]

    def dump(self) -> str:
        """Everything in the store, to be compared."""
        return repr(self.store)


class Consumer:
    """The inbound stream of a test: it numbers messages as a stream does, and hands them to the house."""

    def __init__(self, house: House, stream: str = INBOUND) -> None:
        self.house = house
        self.stream = stream
        self.incarnation = 0
        self.sequence = 0
        self.seconds = 0
        self.created_at = "first life"
        self.bind(self.created_at)

    def bind(self, created_at: str) -> None:
        """Look at the stream as the door does whenever it binds."""
        state = StreamState(self.stream, created_at, self.sequence)
        self.incarnation = self.house.do(ObserveStream(state)).known.incarnation

    def recreate(self) -> None:
        """Begin another life of the stream, which counts from 1 again."""
        self.sequence = 0
        self.created_at = f"after life {self.incarnation}"
        self.bind(self.created_at)

    def put_back(self, sequence: int) -> None:
        """Go back to a copy of the stream that ended at a sequence, of which nothing was acknowledged."""
        self.sequence = sequence
        self.bind(self.created_at)

    def message(self, event: Message, deliveries: int = 1, /, **headers: str) -> InboundMessage:
        """Publish an event; header names are written with underscores."""
        self.sequence += 1
        self.seconds += 1
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(
            message_of(event, self.sequence, deliveries, named), stream=self.stream, stored_at=self.seconds * 1_000_000
        )

    def envelope(self, message: InboundMessage) -> Envelope:
        """Translate a message as the door does."""
        return envelope_of(message, self.incarnation, lambda: "new-id")

    def consume(self, *messages: InboundMessage) -> Sequence[Any]:
        """Consume messages in one group, and answer what became of each."""
        return self.house.carry_out(*map(self.envelope, messages)).answers

    def publish(self, event: Message, **headers: str) -> Any:  # noqa: ANN401 - a Consumption
        """Publish and consume one event."""
        (consumption,) = self.consume(self.message(event, 1, **headers))
        return consumption


def message_of(
    event: Message, sequence: int = 1, deliveries: int = 1, headers: Mapping[str, str] | None = None
) -> InboundMessage:
    """Make the message that brings an inbound event."""
    return InboundMessage(INBOUND, sequence, deliveries, subject_of(type(event)), headers or {}, event.SerializeToString())
