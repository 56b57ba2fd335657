"""Every event of the run, read from JetStream while the run goes on."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from stock.allocation.v1 import events_pb2

from examples.online_retail.doors import nats_errors, subject_of
from examples.online_retail.in_flight import told_to_end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

    from examples.online_retail.doors import NatsDoor
    from examples.online_retail.ledger import LineKey

FETCH_MAX = 500
FETCH_SECONDS = 0.5
FORGOTTEN_AFTER_SECONDS = 60.0
LINE_EVENTS = (events_pb2.Allocated, events_pb2.Deallocated, events_pb2.Backordered, events_pb2.OutOfStock)
EVENTS = (*LINE_EVENTS, events_pb2.StockChanged, events_pb2.Rejected)


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it stands in the stream; `message` is one of EVENTS."""

    stream_sequence: int
    event_id: str
    message: Any


@dataclass
class Events:
    """The events of one run, once per place in the stream, however often they are delivered."""

    run: str
    read_through: int = 0
    seen: set[int] = field(default_factory=set)
    all: list[Event] = field(default_factory=list)
    by_sku: dict[str, dict[int, Event]] = field(default_factory=lambda: defaultdict(dict))
    stock: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    last: dict[LineKey, Any] = field(default_factory=dict)
    rejected: list[Any] = field(default_factory=list)

    def add(self, stream_sequence: int, event_id: str, message: Any) -> None:  # noqa: ANN401 - one of EVENTS, or None
        """Take up what was delivered, if it is new and of this run; None is an event of a type that we do not know."""
        if stream_sequence in self.seen:
            return
        self.seen.add(stream_sequence)
        self.read_through = max(self.read_through, stream_sequence)
        if message is None or not any(name.startswith(f"{self.run}-") for name in _names(message)):
            return
        event = Event(stream_sequence, event_id, message)
        self.all.append(event)
        if isinstance(message, events_pb2.Rejected):
            self.rejected.append(message)
            return
        self.by_sku[message.sku][message.sku_sequence] = event
        if isinstance(message, events_pb2.StockChanged):
            self.stock[message.batch_reference][message.sku_sequence] = message.purchased_quantity
            return
        key = (message.order_id, message.line_id)
        if key not in self.last or message.sku_sequence > self.last[key].sku_sequence:
            self.last[key] = message


def _names(message: Any) -> list[str]:  # noqa: ANN401 - one of EVENTS
    return [message.sku, getattr(message, "batch_reference", ""), getattr(message, "order_id", "")]


class Reader:
    """Reads the events in a task of its own."""

    def __init__(self, events: Events, subscription: JetStreamContext.PullSubscription) -> None:
        self.events = events
        self._subscription = subscription
        self._arrived = asyncio.Event()
        self._types = {subject_of(message_type): message_type for message_type in EVENTS}
        self._task = asyncio.create_task(self._read())
        self._task.add_done_callback(lambda _: self._arrived.set())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what was read fulfils a condition. Raises ReplayError if nothing more can be read."""
        while not condition():
            if self._task.done():
                await self._task
            self._arrived.clear()
            await self._arrived.wait()

    async def stop(self) -> None:
        """Read no more."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _read(self) -> None:
        while not told_to_end():
            # Nothing came: nats-py says so by its own TimeoutError or, in a race, by the built-in one that it derives from.
            with nats_errors(), suppress(TimeoutError):
                for delivered in await self._subscription.fetch(FETCH_MAX, timeout=FETCH_SECONDS):
                    self._take(delivered)
                    await delivered.ack()
            self._arrived.set()

    def _take(self, delivered: Msg) -> None:
        message_type = self._types.get(delivered.subject)
        message = message_type.FromString(delivered.data) if message_type else None
        self.events.add(delivered.metadata.sequence.stream, (delivered.headers or {}).get("ce-id", ""), message)


@asynccontextmanager
async def reading(door: NatsDoor, run: str) -> AsyncIterator[Reader]:
    """Read from here on, by a consumer that the broker forgets when nobody uses it."""
    events = Events(run, read_through=await door.last_sequence())
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=events.read_through + 1,
        ack_policy=AckPolicy.EXPLICIT,
        inactive_threshold=FORGOTTEN_AFTER_SECONDS,
    )
    with nats_errors():
        consumer = await door.jetstream.add_consumer(door.events, config)
        subscription = await door.jetstream.pull_subscribe_bind(consumer=consumer.name, stream=door.events)
    reader = Reader(events, subscription)
    try:
        yield reader
    finally:
        await reader.stop()
