"""The events that the service announces, read by a JetStream consumer as any other service would have one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nats
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from stock.allocation.v1 import events_pb2

from tests.waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

EVENT_STREAM = "ALLOCATION_EVENTS"
_FETCH_MAX = 500


@dataclass(frozen=True)
class Announcement:
    """An event as it came: `name` is its message type without the package, `event` the decoded message."""

    subject: str
    sequence: int
    headers: Mapping[str, str]
    event: Any

    @property
    def name(self) -> str:
        """The last word of the message's full name."""
        name: str = self.event.DESCRIPTOR.name
        return name


class Announcements:
    """All that was announced since it began to listen, in the order of the stream."""

    def __init__(self, subscription: JetStreamContext.PullSubscription) -> None:
        self._subscription = subscription
        self._seen: list[Announcement] = []

    async def of(self, sku: str, count: int) -> list[Announcement]:
        """Wait for so many events of a sku, and answer all of its events that came."""
        return await self.until(lambda seen: len(seen) >= count, lambda one: one.event.sku == sku)

    async def until(
        self,
        condition: Callable[[list[Announcement]], bool],
        concerns: Callable[[Announcement], bool] = lambda _: True,
    ) -> list[Announcement]:
        """Read on until the condition holds of those that concern us, and answer them.

        Raises:
            AssertionError: it did not before the deadline.

        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + DEADLINE_SECONDS
        while not condition(found := [one for one in self._seen if concerns(one)]):
            if loop.time() > deadline:
                raise AssertionError(f"only these were announced: {found}")
            # Nothing came: nats-py says so by its own TimeoutError or, in a race, by the built-in one that it derives from.
            with suppress(TimeoutError):
                messages = await self._subscription.fetch(_FETCH_MAX, timeout=0.5)
                self._seen.extend(_decoded(message) for message in messages)
        return found


@asynccontextmanager
async def listening(
    nats_url: str, subject: str = "allocation.>", policy: DeliverPolicy = DeliverPolicy.NEW
) -> AsyncIterator[Announcements]:
    """Listen to the event stream from now on, or with another policy from its beginning."""
    client = await nats.connect(nats_url, allow_reconnect=False)
    try:
        configuration = ConsumerConfig(deliver_policy=policy, ack_policy=AckPolicy.NONE, inactive_threshold=60.0)
        subscription = await client.jetstream().pull_subscribe(subject, stream=EVENT_STREAM, config=configuration)
        yield Announcements(subscription)
    finally:
        await client.close()


def _decoded(message: Msg) -> Announcement:
    headers = message.headers or {}
    event_type = getattr(events_pb2, headers["ce-type"].rpartition(".")[2])
    return Announcement(message.subject, message.metadata.sequence.stream, headers, event_type.FromString(message.data))
