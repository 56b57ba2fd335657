"""Reading back which events are stored."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from allocation.adapters.jetstream.api import ask
from allocation.service_layer.streams import BrokerUnavailableError
from tests.integration.jetstream.examples import ids, send, some_events
from tests.waiting import eventually

if TYPE_CHECKING:
    from allocation.adapters.jetstream.connection import BrokerConnection
    from allocation.adapters.jetstream.events import JetStreamEvents
    from tests.nats_server import NatsServer


async def test_an_empty_range_ends_at_once(events: JetStreamEvents) -> None:
    assert [entry async for entry in events.ids_above(0)] == []
    await events.publish(some_events(5))
    assert [entry async for entry in events.ids_above(5)] == []
    assert [entry async for entry in events.ids_above(500)] == []


async def test_only_what_is_above_is_read(events: JetStreamEvents) -> None:
    batch = some_events(2100)
    await events.publish(batch)
    assert [entry async for entry in events.ids_above(2098)] == [(2099, ids(batch)[2098]), (2100, ids(batch)[2099])]
    assert [event_id async for _, event_id in events.ids_above(50)] == ids(batch)[50:]


async def test_what_is_published_meanwhile_is_not_read(events: JetStreamEvents) -> None:
    batch = some_events(3)
    await events.publish(batch)
    seen = []
    async for _, event_id in events.ids_above(0):
        seen.append(event_id)
        await events.publish(some_events(1))
    assert seen == ids(batch)


async def test_messages_that_are_not_ours_are_passed_over(connection: BrokerConnection, events: JetStreamEvents) -> None:
    first, second = some_events(2)
    await events.publish([first])
    await send(connection, "allocation.allocated", b"by hand")
    await events.publish([second])
    assert [entry async for entry in events.ids_above(0)] == [(1, first.event_id), (3, second.event_id)]


async def test_messages_that_the_stream_forgot_do_not_stop_the_reading(
    connection: BrokerConnection, events: JetStreamEvents
) -> None:
    batch = some_events(10)
    await events.publish(batch)
    await ask(connection, "STREAM.PURGE.ALLOCATION_EVENTS", {"seq": 6})
    assert [event_id async for _, event_id in events.ids_above(0)] == ids(batch)[5:]
    await ask(connection, "STREAM.PURGE.ALLOCATION_EVENTS")
    assert [entry async for entry in events.ids_above(0)] == []


async def test_no_reader_is_left_behind(connection: BrokerConnection, events: JetStreamEvents) -> None:
    await events.publish(some_events(3))
    assert len([entry async for entry in events.ids_above(0)]) == 3
    async with aclosing(events.ids_above(0)) as reading:
        async for _ in reading:
            break

    async def nobody_reads() -> bool:
        state = (await ask(connection, "STREAM.INFO.ALLOCATION_EVENTS"))["state"]
        return not state["consumer_count"]

    await eventually(nobody_reads)


async def test_a_broker_that_is_away_cannot_be_read(
    server: NatsServer, connection: BrokerConnection, events: JetStreamEvents
) -> None:
    await events.publish(some_events(1))
    server.kill()
    assert await connection.wait_for_health(healthy=False, deadline_seconds=5)
    with pytest.raises(BrokerUnavailableError):
        [entry async for entry in events.ids_above(0)]
