"""Builds that are broken on purpose, each in one way: the checker must find every one of them out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import nats
from nats.errors import Error

from allocation.contract.cloudevents import MESSAGE_ID, encode_headers
from allocation.service_layer.streams import BrokerUnavailableError
from tests.faults.broken_stores import Forgets, HasNoOutbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from allocation.connections import Adapters
    from allocation.service_layer.streams import Delivery, EventStream, InboundStream, OutboxEvent, StreamState


class AcksBeforeCommit:
    """An inbound stream that acknowledges what it hands out, before it took effect."""

    def __init__(self, inbound: InboundStream) -> None:
        self._inbound = inbound
        self.bind = inbound.bind
        self.deliver_again = inbound.deliver_again
        self.stored_at = inbound.stored_at

    async def trim(self) -> None:
        """Trim."""
        await self._inbound.trim()

    async def fetch(self, limit: int) -> Sequence[Delivery]:
        """Fetch, and acknowledge at once."""
        deliveries = await self._inbound.fetch(limit)
        for delivery in deliveries:
            await delivery.ack()
        return deliveries


class HasNoMessageIds:
    """An event stream whose messages carry no `Nats-Msg-Id`, so that the broker stores them as often as they are sent.

    `looks_back` keeps the relay's own protection against sending twice: reading what the stream holds.
    """

    def __init__(self, events: EventStream, nats_url: str, *, looks_back: bool) -> None:
        self._events = events
        self._nats_url = nats_url
        self._looks_back = looks_back

    async def bind(self) -> StreamState:
        """Bind."""
        return await self._events.bind()

    async def publish(self, events: Sequence[OutboxEvent]) -> int:
        """Publish one by one."""
        sequence = 0
        try:
            client = await nats.connect(self._nats_url)
            for event in events:
                headers = encode_headers(event, "/stock/allocation")
                del headers[MESSAGE_ID]
                sequence = (await client.jetstream().publish(event.subject, event.payload, headers=headers)).seq
            await client.close()
        except (Error, OSError) as error:
            raise BrokerUnavailableError(str(error)) from error
        return sequence

    async def id_at(self, sequence: int) -> str | None:
        """Read what is stored at a sequence, or nothing."""
        return await self._events.id_at(sequence) if self._looks_back else None

    async def ids_above(self, sequence: int) -> AsyncIterator[tuple[int, str]]:
        """Read what is stored, or nothing."""
        if self._looks_back:
            async for found in self._events.ids_above(sequence):
                yield found


class PublishesLater:
    """An event stream that claims to have stored events which it sends only when the next ones come."""

    def __init__(self, events: EventStream) -> None:
        self._events = events
        self._later: list[OutboxEvent] = []
        self._stored = 0

    async def bind(self) -> StreamState:
        """Bind, and remember where the stream ends."""
        state = await self._events.bind()
        self._stored = state.last_sequence
        return state

    async def publish(self, events: Sequence[OutboxEvent]) -> int:
        """Publish the previous ones, and answer where the stream would end with these."""
        if self._later:
            self._stored = await self._events.publish(self._later)
        self._later = list(events)
        return self._stored + len(events)

    async def id_at(self, sequence: int) -> str | None:
        """Read what is stored at a sequence."""
        return await self._events.id_at(sequence)

    def ids_above(self, sequence: int) -> AsyncIterator[tuple[int, str]]:
        """Read what is stored."""
        return self._events.ids_above(sequence)


class PublishesNewestFirst:
    """An event stream that stores every run of events back to front."""

    def __init__(self, events: EventStream) -> None:
        self._events = events

    async def bind(self) -> StreamState:
        """Bind."""
        return await self._events.bind()

    async def publish(self, events: Sequence[OutboxEvent]) -> int:
        """Publish in the wrong order."""
        return await self._events.publish(events[::-1])

    async def id_at(self, sequence: int) -> str | None:
        """Read what is stored at a sequence."""
        return await self._events.id_at(sequence)

    def ids_above(self, sequence: int) -> AsyncIterator[tuple[int, str]]:
        """Read what is stored."""
        return self._events.ids_above(sequence)


BROKEN: dict[str, Callable[[Adapters, str], Adapters]] = {
    "acks-before-commit": lambda adapters, _: replace(adapters, inbound=AcksBeforeCommit(adapters.inbound)),
    "no-inbox": lambda adapters, _: replace(adapters, store=Forgets(adapters.store, inbox=True)),
    "no-fence": lambda adapters, _: replace(adapters, store=Forgets(adapters.store, inbox=False)),
    "no-outbox": lambda adapters, _: replace(adapters, store=HasNoOutbox(adapters.store, adapters.events)),
    "publishes-twice": lambda adapters, url: replace(adapters, events=HasNoMessageIds(adapters.events, url, looks_back=False)),
    "publishes-later": lambda adapters, _: replace(adapters, events=PublishesLater(adapters.events)),
    "publishes-newest-first": lambda adapters, _: replace(adapters, events=PublishesNewestFirst(adapters.events)),
    "no-message-ids": lambda adapters, url: replace(adapters, events=HasNoMessageIds(adapters.events, url, looks_back=True)),
}
