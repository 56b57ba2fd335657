"""What the broker holds: messages of its streams, and how far a follower's durable consumer is. Every wait has an end."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nats
from nats.js.api import AckPolicy, ConsumerInfo, DeliverPolicy
from nats.js.errors import NotFoundError
from stock.allocation.v1 import events_pb2, subjects

from tests.conformance.expectations import expect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.js import JetStreamContext

    from tests.conformance.live import LiveService

EVENTS = "ALLOCATION_EVENTS"
INBOUND = "ALLOCATION_INBOUND"
REQUEST_SECONDS = 5.0
TOTAL_SECONDS = 30.0


@dataclass(frozen=True)
class Stored:
    """A message of a stream."""

    subject: str
    headers: dict[str, str]
    payload: bytes

    def repeated(self) -> Stored:
        """Make the same event, which JetStream does not take for the same message."""
        return Stored(
            self.subject, {name: value for name, value in self.headers.items() if name.startswith("ce-")}, self.payload
        )

    def late(self, units_more: int = 0) -> Stored:
        """Make another event that claims the sku_sequence of this one."""
        kind = events_pb2.Allocated if self.subject == subjects.ALLOCATED else events_pb2.Deallocated
        event = kind.FromString(self.payload)
        event.quantity += units_more
        return Stored(self.subject, self.repeated().headers | {"ce-id": f"late-{uuid.uuid4()}"}, event.SerializeToString())


def stored(live: LiveService, stream: str, sequence: int) -> Stored:
    """Read one message."""
    return asyncio.run(_read(live, stream, sequence, sequence))[0]


def stored_since(live: LiveService, stream: str, sequence: int) -> list[Stored]:
    """Read what came after that message."""
    return asyncio.run(_read(live, stream, sequence + 1, None))


def last_sequence(live: LiveService, stream: str) -> int:
    """Ask a stream for the sequence of its last message."""
    return asyncio.run(_last_sequence(live, stream))


def publish(live: LiveService, *messages: Stored) -> None:
    """Publish messages as they are, one after the other."""
    asyncio.run(_publish(live, messages))


def moved_line(live: LiveService, sku: str, since: int) -> list[Stored]:
    """Find a line of a sku that was promised, lost its promise and was promised again: its three events, or none."""
    lines: dict[tuple[str, str], list[Stored]] = {}
    for message in stored_since(live, EVENTS, since):
        if message.headers["ce-subject"] == sku and message.subject in {subjects.ALLOCATED, subjects.DEALLOCATED}:
            event = events_pb2.Allocated.FromString(message.payload)  # both name their line in the same fields
            lines.setdefault((event.order_id, event.line_id), []).append(message)
    return next((events for events in lines.values() if len(events) == len(("promised", "withdrawn", "promised"))), [])


def consumer(live: LiveService, name: str) -> ConsumerInfo:
    """Ask for a follower's consumer, which must be durable, acked one by one, and begin with the first event."""
    try:
        information = asyncio.run(_consumer(live, name))
    except NotFoundError:
        raise AssertionError(f"{EVENTS} has no consumer of the name {name}") from None
    config = information.config
    expect(
        (config.durable_name, config.ack_policy, config.deliver_policy),
        (name, AckPolicy.EXPLICIT, DeliverPolicy.ALL),
        "its consumer",
    )
    return information


def unacked(live: LiveService, name: str) -> int:
    """Count the messages that a follower has not acked, delivered or not."""
    information = consumer(live, name)
    return (information.num_ack_pending or 0) + (information.num_pending or 0)


@asynccontextmanager
async def _jetstream(live: LiveService) -> AsyncIterator[JetStreamContext]:
    async with asyncio.timeout(TOTAL_SECONDS):
        client = await nats.connect(live.broker.url, connect_timeout=5, allow_reconnect=False, max_reconnect_attempts=1)
        try:
            yield client.jetstream(timeout=REQUEST_SECONDS)
        finally:
            await client.close()


async def _read(live: LiveService, stream: str, first: int, last: int | None) -> list[Stored]:
    async with _jetstream(live) as jetstream:
        if last is None:
            last = (await jetstream.stream_info(stream)).state.last_seq
        found = [await jetstream.get_msg(stream, sequence) for sequence in range(first, last + 1)]
    return [Stored(message.subject or "", dict(message.headers or {}), message.data or b"") for message in found]


async def _last_sequence(live: LiveService, stream: str) -> int:
    async with _jetstream(live) as jetstream:
        return int((await jetstream.stream_info(stream)).state.last_seq)


async def _publish(live: LiveService, messages: tuple[Stored, ...]) -> None:
    async with _jetstream(live) as jetstream:
        for message in messages:
            await jetstream.publish(message.subject, message.payload, headers=message.headers or None)


async def _consumer(live: LiveService, name: str) -> ConsumerInfo:
    async with _jetstream(live) as jetstream:
        information: ConsumerInfo = await jetstream.consumer_info(EVENTS, name)
    return information
