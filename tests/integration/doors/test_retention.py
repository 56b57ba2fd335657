"""Old rows are forgotten page after page, again and again, and never while the broker cannot say what it still holds."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from allocation.domain.commands import CreateBatch
from allocation.entrypoints.retention import Ages, Retention
from allocation.service_layer.envelope import Envelope
from allocation.service_layer.housekeeping import ForgetEvents, ForgetInbox, ForgetParked, ObserveStream
from allocation.service_layer.records import InboxEntry, InboxKey, StreamPlace
from allocation.service_layer.store import StoreUnavailableError
from allocation.service_layer.streams import BrokerUnavailableError, StreamState, StreamStates
from tests.integration.doors.parts import Parts, running_parts
from tests.unit.house import allocate
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from allocation.adapters.memory import MemoryStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INBOUND, EVENTS = "ALLOCATION_INBOUND", "ALLOCATION_EVENTS"
A_DAY = 86_400.0


@dataclass
class Streams:
    """What the broker says of both streams, or that it is away."""

    inbound: StreamState = field(default_factory=lambda: StreamState(INBOUND, "monday", 1_000, first_sequence=900))
    events: StreamState = field(default_factory=lambda: StreamState(EVENTS, "monday", 1_000, holds_since=NOW))
    is_away: bool = False
    asked: list[str] = field(default_factory=list)

    def states(self) -> StreamStates:
        """Answer how they are asked."""

        async def ask(name: str) -> StreamState:
            self.asked.append(name)
            if self.is_away:
                raise BrokerUnavailableError("gone")
            return self.inbound if name == INBOUND else self.events

        return StreamStates(lambda: ask(INBOUND), lambda: ask(EVENTS))


@asynccontextmanager
async def forgetting(parts: Parts, streams: Streams) -> AsyncIterator[None]:
    """Run the door, which looks ten times a second and takes three rows a page."""
    retention = Retention(
        parts.group_commit,
        parts.store,
        streams.states(),
        Ages(A_DAY, A_DAY, A_DAY),
        lambda: NOW,
        interval_seconds=0.1,
        page_rows=3,
        pause_seconds=0,
    )
    running = asyncio.create_task(retention.run())
    try:
        yield
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.wait({running})


async def observe(parts: Parts) -> None:
    await parts.group_commit.submit(Envelope(ObserveStream(Streams().inbound), "", ""))


def remember(store: MemoryStore, first: int, last: int) -> None:
    for sequence in range(first, last + 1):
        key = InboxKey("/shop", str(sequence))
        place = StreamPlace(INBOUND, 1, sequence)
        store.consumed[key] = InboxEntry(key, b"", place, NOW - timedelta(days=3) + timedelta(seconds=sequence))


async def test_all_that_is_old_is_forgotten_and_each_page_is_a_transaction_of_its_own() -> None:
    async with running_parts() as parts:
        await observe(parts)
        remember(parts.store, 890, 909)
        async with forgetting(parts, Streams()):
            await eventually(lambda: len(parts.store.consumed) == 10)
            await eventually(lambda: any(isinstance(command, ForgetEvents) for command in parts.commands()))
        assert min(int(key.message_id) for key in parts.store.consumed) == 900
        pages = [group for group in parts.bus.groups if isinstance(group[0], ForgetInbox)]
        assert all(len(group) == 1 for group in pages)
        assert any(isinstance(command, ForgetParked) for command in parts.commands())


async def test_it_goes_on_looking() -> None:
    async with running_parts() as parts:
        await observe(parts)
        async with forgetting(parts, Streams()):
            await eventually(lambda: sum(isinstance(command, ForgetInbox) for command in parts.commands()) >= 2)
            remember(parts.store, 1, 5)
            await eventually(lambda: not parts.store.consumed)


async def test_old_events_are_forgotten_page_after_page() -> None:
    async with running_parts() as parts:
        commands = [CreateBatch("b1", "RUG", 1), *(allocate(f"o{number}", "RUG", 2) for number in range(10))]
        for command in commands:
            await parts.group_commit.submit(Envelope(command, "", ""))
        await observe(parts)
        parts.store.unpublished.clear()
        async with forgetting(parts, Streams()):
            await eventually(lambda: parts.store.positions == [1, 11])


async def test_nothing_is_forgotten_while_the_broker_is_away_and_all_is_once_it_is_back() -> None:
    async with running_parts() as parts:
        await observe(parts)
        remember(parts.store, 1, 5)
        streams = Streams(is_away=True)
        async with forgetting(parts, streams):
            await eventually(lambda: len(streams.asked) >= 3)
            assert len(parts.store.consumed) == 5
            streams.is_away = False
            await eventually(lambda: not parts.store.consumed)


async def test_nothing_is_forgotten_while_a_new_life_of_the_stream_is_not_yet_known() -> None:
    async with running_parts() as parts:
        await observe(parts)
        remember(parts.store, 1, 5)
        streams = Streams()
        streams.inbound = replace(streams.inbound, created_at="tuesday")
        async with forgetting(parts, streams):
            await eventually(lambda: streams.asked.count(EVENTS) >= 2)
            assert len(parts.store.consumed) == 5


async def test_a_store_that_is_away_is_waited_for() -> None:
    async with running_parts() as parts:
        await observe(parts)
        remember(parts.store, 1, 5)
        parts.store.troubles.extend([StoreUnavailableError("away"), StoreUnavailableError("away")])
        async with forgetting(parts, Streams()):
            await eventually(lambda: not parts.store.consumed)
        assert not parts.store.troubles
