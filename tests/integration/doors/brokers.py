"""A broker made by hand: an inbound stream that remembers how each delivery was answered, and an event stream that fails."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from allocation.contract.inward import subject_of
from allocation.service_layer.streams import BrokerUnavailableError, InboundMessage, StreamState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from google.protobuf.message import Message

    from allocation.service_layer.streams import OutboxEvent

INBOUND, EVENTS = "ALLOCATION_INBOUND", "ALLOCATION_EVENTS"
_A_SECOND = 1_000_000


@dataclass(frozen=True)
class FakeDelivery:
    """A delivery whose answers the stream remembers; one that is to be retried comes again at once, or when told."""

    stream: FakeInbound
    message: InboundMessage

    async def ack(self) -> None:
        """Remember the answer."""
        self._remember("ack")

    async def retry(self, delay_seconds: float) -> None:
        """Remember the answer, and have it delivered again."""
        assert delay_seconds >= 0
        self._remember("retry")
        self.stream.again.append(replace(self.message, deliveries=self.message.deliveries + 1))
        if self.stream.redelivers:
            self.stream.redeliver()

    async def terminate(self, reason: str) -> None:
        """Remember the answer."""
        self._remember(f"terminate {reason}")

    async def keep(self) -> None:
        """Remember the answer."""
        self._remember("keep")

    def _remember(self, answer: str) -> None:
        self.stream.answers[self.message.sequence].append(answer)


class FakeInbound:
    """Keeps the promise of `InboundStream`. What is published together is fetched together.

    With `redelivers` off, what is to be retried waits in `again` for `redeliver`.
    """

    def __init__(self) -> None:
        self.answers: defaultdict[int, list[str]] = defaultdict(list)
        self.again: deque[InboundMessage] = deque()
        self.redelivers = True
        self.binds = 0
        self.fetches = 0
        self.away: Exception | None = None
        self.ack_floor = 0
        self.stored: dict[int, int] = {}
        self.unanswered = 0
        self._life = 1
        self._sequence = 0
        self._instant = 0
        self._waiting: deque[list[InboundMessage]] = deque()
        self._arrived = asyncio.Event()

    def publish(self, *events: Message | bytes, deliveries: int = 1, headers: Mapping[str, str] | None = None) -> int:
        """Store messages, and answer the sequence of the last; bytes are an order that is none."""
        batch = []
        for event in events:
            self._sequence += 1
            payload = event if isinstance(event, bytes) else event.SerializeToString()
            subject = "order.placed" if isinstance(event, bytes) else subject_of(type(event))
            self._instant += _A_SECOND
            self.stored[self._sequence] = self._instant
            place = INBOUND, self._sequence, deliveries
            batch.append(InboundMessage(*place, subject, headers or {}, payload, self._instant))
        self._waiting.append(batch)
        self.wake()
        return self._sequence

    def recreate(self) -> None:
        """Begin another life, counting from 1 again."""
        self._life += 1
        self._sequence = 0
        self.answers.clear()

    def put_back(self, sequence: int) -> None:
        """Go back to a copy that was made when the stream ended with this sequence."""
        self._sequence = self.ack_floor = sequence
        self.answers.clear()

    def redeliver(self) -> None:
        """Deliver once more, together, what was to be retried."""
        if self.again:
            self._waiting.append(list(self.again))
            self.again.clear()
            self.wake()

    def wake(self) -> None:
        """Let a fetch look again."""
        self._arrived.set()

    async def bind(self) -> StreamState:
        """Say what the stream is like, unless it is away."""
        self.binds += 1
        if self.away is not None:
            raise self.away
        return StreamState(INBOUND, f"life {self._life}", self._sequence, self.ack_floor)

    async def trim(self) -> None:
        """Keep everything: this stream is never full."""

    async def stored_at(self, sequence: int) -> int | None:
        """Say when a message was stored, if it was, and if there is an answer to that question."""
        if self.unanswered > 0:
            self.unanswered -= 1
            raise BrokerUnavailableError("no answer")
        return self.stored.get(sequence)

    async def deliver_again(self, start: int | datetime) -> int:
        """Refuse: this broker remembers nothing that it could deliver again."""
        raise BrokerUnavailableError(f"nothing is left to deliver from {start}")

    async def fetch(self, limit: int) -> Sequence[FakeDelivery]:
        """Wait for messages."""
        self.fetches += 1
        while True:
            if self.away is not None:
                raise BrokerUnavailableError("gone")
            if self._waiting:
                batch = self._waiting.popleft()
                if batch[limit:]:
                    self._waiting.appendleft(batch[limit:])
                return [FakeDelivery(self, message) for message in batch[:limit]]
            self._arrived.clear()
            await self._arrived.wait()


class FakeEvents:
    """Keeps the promise of `EventStream`, but stores what it is sent twice: whoever does not look before he sends is found out.

    Each of `troubles` befalls one publish: so many events are stored before it fails, None stores all and says so. What is in
    its duplicate `window`, which forgets nothing and holds nothing by itself, is not stored again.
    """

    def __init__(self) -> None:
        self.stored: list[OutboxEvent] = []
        self.window: dict[str, int] = {}
        self.unanswered = 0
        self._purged = 0
        self.troubles: deque[int | None] = deque()
        self.reads: list[int] = []
        self.binds = 0
        self.publishes = 0
        self._life = 1

    def recreate(self) -> None:
        """Begin another life, empty."""
        self._life += 1
        self.stored.clear()

    def put_back(self, sequence: int) -> None:
        """Go back to a copy that ended with this sequence."""
        del self.stored[sequence - self._purged :]

    def purge(self) -> None:
        """Forget everything, and go on counting."""
        self._purged += len(self.stored)
        self.stored.clear()

    async def bind(self) -> StreamState:
        """Say what the stream is like."""
        self.binds += 1
        return StreamState(EVENTS, f"life {self._life}", self._last_sequence)

    async def publish(self, events: Sequence[OutboxEvent]) -> int:
        """Store events, or as many as the trouble lets through."""
        self.publishes += 1
        trouble = self.troubles.popleft() if self.troubles else None
        self.stored.extend(event for event in events[:trouble] if event.event_id not in self.window)
        if trouble is not None:
            raise BrokerUnavailableError("no answer")
        return self.window.get(events[-1].event_id, self._last_sequence)

    async def id_at(self, sequence: int) -> str | None:
        """Read one id, if there is an answer to that question."""
        if self.unanswered > 0:
            self.unanswered -= 1
            raise BrokerUnavailableError("no answer")
        there = range(self._purged + 1, self._last_sequence + 1)
        return self.stored[sequence - there.start].event_id if sequence in there else None

    async def ids_above(self, sequence: int) -> AsyncIterator[tuple[int, str]]:
        """Read ids."""
        self.reads.append(sequence)
        for position, event in enumerate(list(self.stored), self._purged + 1):
            if position > sequence:
                yield position, event.event_id

    def ids(self) -> list[str]:
        """Answer the ids of what is stored."""
        return [event.event_id for event in self.stored]

    @property
    def _last_sequence(self) -> int:
        return self._purged + len(self.stored)
