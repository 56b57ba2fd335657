"""The NATS door, running, with its stream and everything behind it in reach."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from allocation.entrypoints.nats_consumer import NatsConsumer
from allocation.service_layer.housekeeping import ObserveStream
from tests.integration.doors.brokers import FakeInbound
from tests.integration.doors.parts import Parts, running_parts
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Consuming:
    """A running consumer, its stream, and what is behind it."""

    def __init__(self, parts: Parts, *, unknown_wait_seconds: float = 30.0, fetch_messages_max: int = 256) -> None:
        self.parts, self.store, self.inbound = parts, parts.store, FakeInbound()
        self.consumer = NatsConsumer(
            parts.group_commit,
            self.inbound,
            lambda: "new-id",
            fetch_messages_max=fetch_messages_max,
            unknown_wait_seconds=unknown_wait_seconds,
            deliveries_max=5,
        )
        self.task = asyncio.create_task(self.consumer.run())

    async def answered(self, sequence: int, *answers: str) -> None:
        """Wait for exactly these answers to the deliveries of a message."""
        await eventually(lambda: len(self.inbound.answers[sequence]) >= len(answers))
        assert self.inbound.answers[sequence] == list(answers)

    def carried_out(self) -> list[list[str]]:
        """Name the commands that shared a transaction, leaving the door's own out."""
        groups = [[command for command in group if not isinstance(command, ObserveStream)] for group in self.parts.bus.groups]
        return [[type(command).__name__ for command in group] for group in groups if group]


@asynccontextmanager
async def running_consumer(unknown_wait_seconds: float = 30.0, fetch_messages_max: int = 256) -> AsyncIterator[Consuming]:
    """Run a consumer that has bound its stream and waits, and stop it in order."""
    async with running_parts() as parts:
        consuming = Consuming(parts, unknown_wait_seconds=unknown_wait_seconds, fetch_messages_max=fetch_messages_max)
        await eventually(lambda: consuming.inbound.fetches == 1)
        yield consuming
        parts.store.open.set()
        consuming.consumer.stop()
        await asyncio.wait_for(consuming.task, 10)
