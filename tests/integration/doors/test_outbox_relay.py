"""The door out: everything committed is published, in its order and once, whatever happens to a publish."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from allocation.domain.commands import CreateBatch
from allocation.entrypoints import outbox_relay
from allocation.entrypoints.outbox_relay import OutboxRelay
from allocation.service_layer.envelope import Envelope
from allocation.service_layer.housekeeping import ReEmit
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError
from tests.integration.doors.brokers import EVENTS, FakeEvents
from tests.integration.doors.parts import Parts, running_parts
from tests.integration.jetstream.examples import an_event
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from allocation.service_layer.streams import OutboxEvent


class Relaying:
    """A relay that can be started and stopped, its stream, and what is behind it."""

    def __init__(self, parts: Parts, publish_events_max: int) -> None:
        self.parts, self.store, self.events = parts, parts.store, FakeEvents()
        self._publish_events_max = publish_events_max
        self._created = 0
        self.start()

    def start(self) -> None:
        """Start a relay, as a service that starts does."""
        self.relay = OutboxRelay(
            self.parts.group_commit,
            self.parts.store,
            self.events,
            publish_events_max=self._publish_events_max,
            poll_seconds=60.0,
        )
        self.task = asyncio.create_task(self.relay.run())

    async def stop(self) -> None:
        """End it as a shutdown does."""
        self.task.cancel()
        await asyncio.wait({self.task})

    async def happen(self, count: int) -> None:
        """Commit so many events, and wake the relay as the commit does."""
        for _ in range(count):
            self._created += 1
            command = CreateBatch(f"batch-{self._created:03}", "SMALL-TABLE", 10)
            await self.parts.group_commit.submit(Envelope(command, "correlation", "causation"))
        self.relay.wake()

    def committed(self) -> list[str]:
        """Answer the ids of all events, in the order in which they happened."""
        return [event.event_id for event in self.store.log]

    async def published(self) -> list[str]:
        """Wait until the outbox is empty, and answer what the stream holds."""
        await eventually(lambda: not self.store.unpublished)
        return self.events.ids()


@asynccontextmanager
async def running(publish_events_max: int = 500) -> AsyncIterator[Relaying]:
    async with running_parts() as parts:
        relaying = Relaying(parts, publish_events_max)
        await asyncio.wait_for(relaying.relay.drain(), 10)
        yield relaying
        await relaying.stop()


@pytest.fixture
async def relaying() -> AsyncIterator[Relaying]:
    """A relay that has nothing to do yet."""
    async with running() as started:
        yield started


async def test_events_are_published_in_the_order_in_which_they_happened() -> None:
    async with running(publish_events_max=3) as relaying:
        await relaying.happen(10)
        assert await relaying.published() == relaying.committed()
        assert relaying.events.publishes >= 4


async def test_rows_are_forgotten_after_the_acknowledgement_and_not_before(relaying: Relaying) -> None:
    relaying.events.troubles.extend([0] * 2)
    await relaying.happen(3)
    await eventually(lambda: relaying.events.publishes == 2)
    assert len(relaying.store.unpublished) == 3
    assert await relaying.published() == relaying.committed()
    assert relaying.store.streams[EVENTS].last_sequence == 3


@pytest.mark.parametrize("stored", [0, 1, 3, 5])
async def test_after_a_publish_of_unknown_outcome_nothing_is_sent_that_the_stream_holds(
    relaying: Relaying, stored: int
) -> None:
    await relaying.happen(2)
    await relaying.published()
    relaying.events.troubles.append(stored)
    await relaying.happen(5)
    assert await relaying.published() == relaying.committed()
    assert set(relaying.events.reads) <= {2}


async def test_after_an_acknowledgement_that_could_not_be_written_down_nothing_is_sent_twice(relaying: Relaying) -> None:
    for trouble in (StoreUnavailableError("away"), OutcomeUnknownError("lost")):
        await relaying.happen(2)
        await relaying.published()
        await relaying.stop()
        relaying.start()
        await asyncio.wait_for(relaying.relay.drain(), 10)
        await relaying.happen(0)
        relaying.store.troubles.append(None)
        relaying.store.troubles.append(trouble)
        await relaying.happen(1)
        assert await relaying.published() == relaying.committed()


async def test_a_relay_that_starts_again_reads_the_stream_before_it_sends(relaying: Relaying) -> None:
    await relaying.happen(2)
    await relaying.published()
    await relaying.stop()
    await relaying.happen(600)
    relaying.events.stored.extend(await relaying.store.outbox(599))
    relaying.start()
    assert await relaying.published() == relaying.committed()


async def test_a_recreated_stream_is_read_from_its_beginning_and_gets_what_is_left(relaying: Relaying) -> None:
    await relaying.happen(3)
    await relaying.published()
    await relaying.stop()
    relaying.events.recreate()
    await relaying.happen(2)
    relaying.events.stored.extend(await relaying.store.outbox(1))
    relaying.start()
    assert await relaying.published() == relaying.committed()[3:]
    assert relaying.events.reads == [0]
    assert relaying.store.streams[EVENTS].incarnation == 2


async def test_it_is_drained_when_the_outbox_is_empty_and_not_before(relaying: Relaying) -> None:
    relaying.events.troubles.append(0)
    await relaying.happen(3)
    draining = asyncio.ensure_future(relaying.relay.drain())
    await eventually(lambda: relaying.events.publishes == 1)
    assert not draining.done()
    await asyncio.wait_for(draining, 10)
    assert relaying.events.ids() == relaying.committed()


async def test_it_is_not_drained_by_a_look_during_which_something_happened(relaying: Relaying) -> None:
    look, looks, second_may_end = relaying.store.outbox, 0, asyncio.Event()

    async def look_while_something_happens(limit: int) -> list[OutboxEvent]:
        nonlocal looks
        looks += 1
        found = await look(limit)
        if looks == 1:
            relaying.relay.wake()
        else:
            await second_may_end.wait()
        return found

    relaying.store.outbox = look_while_something_happens  # type: ignore[method-assign] # the store of this test alone
    relaying.relay.wake()
    draining = asyncio.ensure_future(relaying.relay.drain())
    await eventually(lambda: looks == 2)
    assert not draining.done()
    second_may_end.set()
    await asyncio.wait_for(draining, 10)


async def test_it_ends_with_the_queue(relaying: Relaying) -> None:
    relaying.events.troubles.append(0)
    await relaying.happen(1)
    await relaying.parts.group_commit.close()
    await asyncio.wait_for(relaying.task, 10)


async def test_it_ends_in_the_moment_in_which_it_is_woken(relaying: Relaying) -> None:
    relaying.relay.wake()
    relaying.task.cancel()
    done, _ = await asyncio.wait({relaying.task}, timeout=5)
    assert done


@pytest.mark.parametrize("burst", [1, 4, 5, 6, 20])
async def test_a_stream_that_is_put_back_while_the_relay_runs_is_looked_at_anew(burst: int) -> None:
    async with running(publish_events_max=100) as relaying:
        await relaying.happen(8)
        await relaying.published()
        relaying.events.put_back(3)
        with capture_logs() as logged:
            await relaying.happen(burst)
            await relaying.published()
            await eventually(lambda: relaying.store.streams[EVENTS].incarnation == 2)
        (told,) = (line for line in logged if line["log_level"] == "warning")
        assert told["commands"] == ["allocation outbox verify", "allocation outbox re-emit"]
        await relaying.happen(1)
        assert len(await relaying.published()) == 3 + burst + 1, "it does not send by itself what was lost"
        assert relaying.store.streams[EVENTS].incarnation == 2


@pytest.mark.parametrize("burst", [1, 5, 6, 20])
async def test_a_stream_that_is_put_back_before_a_relay_has_published_anything_is_looked_at_anew(burst: int) -> None:
    async with running(publish_events_max=100) as relaying:
        await relaying.happen(8)
        await relaying.published()
        await relaying.stop()
        relaying.start()
        await asyncio.wait_for(relaying.relay.drain(), 10)
        relaying.events.put_back(3)
        await relaying.happen(burst)
        assert len(await relaying.published()) == 3 + burst
        await eventually(lambda: relaying.store.streams[EVENTS].incarnation == 2)


@pytest.mark.parametrize("burst", [1, 5, 6, 20])
async def test_a_relay_that_died_after_it_published_to_a_stream_that_was_put_back_sends_nothing_twice(burst: int) -> None:
    async with running(publish_events_max=100) as relaying:
        await relaying.happen(8)
        await relaying.published()
        await relaying.stop()
        relaying.events.put_back(3)
        await relaying.happen(burst)
        relaying.events.stored.extend(await relaying.store.outbox(100))
        relaying.start()
        assert len(await relaying.published()) == 3 + burst
        assert relaying.store.streams[EVENTS].incarnation == 2


async def emit_again(relaying: Relaying, event_id: str) -> None:
    """Have an event published again that the broker still knows."""
    relaying.events.window[event_id] = relaying.events.ids().index(event_id) + 1
    await relaying.parts.group_commit.submit(Envelope(ReEmit((event_id,)), "", ""))
    relaying.relay.wake()
    await relaying.published()


async def test_an_event_that_is_sent_again_and_known_to_the_broker_hides_no_stream_that_is_put_back() -> None:
    async with running(publish_events_max=100) as relaying:
        await relaying.happen(8)
        await relaying.published()
        await emit_again(relaying, relaying.committed()[0])
        relaying.events.put_back(3)
        await relaying.happen(20)
        await relaying.published()
        await eventually(lambda: relaying.store.streams[EVENTS].incarnation == 2)


async def test_a_purged_stream_is_no_older_copy(relaying: Relaying) -> None:
    await relaying.happen(8)
    await relaying.published()
    first = relaying.committed()[0]
    relaying.events.window[first] = 1
    relaying.events.purge()
    with capture_logs() as logged:
        await relaying.parts.group_commit.submit(Envelope(ReEmit((first,)), "", ""))
        relaying.relay.wake()
        await relaying.published()
        await relaying.happen(3)
        assert await relaying.published() == relaying.committed()[8:]
    assert relaying.store.streams[EVENTS].incarnation == 1
    assert [line for line in logged if line["log_level"] == "warning"] == []


@pytest.mark.parametrize("others", [0, 5])
async def test_events_that_the_log_does_not_have_are_warned_of_once(relaying: Relaying, others: int) -> None:
    await relaying.happen(600)
    relaying.events.stored.extend([an_event() for _ in range(others)])
    await relaying.stop()
    with capture_logs() as logged:
        relaying.start()
        await asyncio.wait_for(relaying.relay.drain(), 10)
        binds = relaying.events.binds
        relaying.events.stored.extend([an_event() for _ in range(others)])
        relaying.events.troubles.append(0)
        await relaying.happen(1)
        await eventually(lambda: relaying.events.binds > binds)
        await asyncio.wait_for(relaying.relay.drain(), 10)
    told = [(line["events"], line["command"]) for line in logged if "command" in line]
    assert told == ([(others, "allocation outbox verify")] if others else [])


async def test_a_broker_that_never_says_which_event_is_where_is_published_to_and_the_permission_named(
    relaying: Relaying,
) -> None:
    await relaying.happen(2)
    await relaying.published()
    await relaying.stop()
    relaying.events.unanswered = 1_000
    with capture_logs() as logged:
        relaying.start()
        await relaying.happen(1)
        assert await relaying.published() == relaying.committed()
    (told,) = (line["permission"] for line in logged if "permission" in line)
    assert told == f"$JS.API.STREAM.MSG.GET.{EVENTS}"


async def test_an_event_that_the_stream_holds_twice_is_no_strange_one(relaying: Relaying) -> None:
    await relaying.stop()
    await relaying.happen(2)
    relaying.events.stored.extend([*await relaying.store.outbox(2), *await relaying.store.outbox(1)])
    with capture_logs() as logged:
        relaying.start()
        await relaying.published()
        await asyncio.wait_for(relaying.relay.drain(), 10)
    assert [line for line in logged if line["log_level"] == "warning"] == []


async def test_a_stream_that_is_gone_while_nothing_happens_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_relay, "_LOOK_AGAIN_SECONDS", 0.0)
    async with running() as relaying:
        binds = relaying.events.binds
        relaying.relay.wake()
        await eventually(lambda: relaying.events.binds > binds)


async def test_an_event_that_the_stream_has_already_is_forgotten_and_the_stream_lives_on(
    relaying: Relaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    await relaying.happen(8)
    await relaying.published()

    async def taken_for_a_duplicate(_: Sequence[OutboxEvent]) -> int:
        return 5

    monkeypatch.setattr(relaying.events, "publish", taken_for_a_duplicate)
    await relaying.happen(1)
    assert len(await relaying.published()) == 8
    assert relaying.store.streams[EVENTS].incarnation == 1
