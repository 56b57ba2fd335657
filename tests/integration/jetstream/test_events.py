"""Publishing: every event once, in order, whatever was stored before and whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest

from allocation.adapters.jetstream.api import ask
from allocation.adapters.jetstream.connection import BrokerConnection
from allocation.adapters.jetstream.events import JetStreamEvents
from allocation.contract.cloudevents import decode_headers
from allocation.service_layer.streams import BrokerUnavailableError
from tests.integration.jetstream.examples import EVENTS, an_event, ids, some_events
from tests.integration.jetstream.waiting import once_available
from tests.nats_server import NatsServer
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from allocation.service_layer.streams import OutboxEvent


async def stored(events: JetStreamEvents, above: int = 0) -> list[str]:
    return [event_id async for _, event_id in events.ids_above(above)]


@pytest.mark.parametrize("count", [1, 2, 1000, 2500])
async def test_events_are_stored_in_order_and_once(events: JetStreamEvents, count: int) -> None:
    batch = some_events(count)
    assert await events.publish(batch) == count
    assert [entry async for entry in events.ids_above(0)] == list(enumerate(ids(batch), 1))


async def test_an_event_carries_its_envelope(connection: BrokerConnection, events: JetStreamEvents) -> None:
    event = an_event(sku="RÖD STOL 100% 😀")
    sequence = await events.publish([event])
    message = await connection.client().jetstream().get_msg("ALLOCATION_EVENTS", sequence)
    assert message.subject == "allocation.allocated"
    assert message.data == event.payload
    headers = message.headers or {}
    assert headers["ce-subject"] == "R%C3%96D%20STOL%20100%25%20%F0%9F%98%80"
    assert headers["Nats-Msg-Id"] == headers["ce-id"] == event.event_id
    assert decode_headers(headers)["ce-subject"] == event.sku


async def test_events_that_are_stored_already_are_not_stored_again(events: JetStreamEvents) -> None:
    batch = some_events(20)
    assert await events.publish(batch) == 20
    assert await events.publish(batch) == 20
    assert await events.publish(batch[:1]) == 1
    assert await stored(events) == ids(batch)


async def test_only_what_is_missing_is_stored_and_in_order(events: JetStreamEvents) -> None:
    batch = some_events(101)
    there = [*batch[:30], batch[50], batch[77]]
    await events.publish(there)
    await events.publish(batch)
    missing = [event for event in batch if event not in there]
    assert await stored(events) == ids(there) + ids(missing)


async def test_an_event_given_twice_is_stored_once(events: JetStreamEvents) -> None:
    one, two, three = some_events(3)
    await events.publish([one, two, one, three])
    assert await stored(events) == ids([one, two, three])


async def test_batches_are_bounded_in_bytes(connection: BrokerConnection) -> None:
    events = JetStreamEvents(connection, EVENTS, batch_bytes_max=10_000)
    await events.bind()
    batch = [an_event(position, payload=b"x" * (20_000 if position == 3 else 2_000)) for position in range(1, 21)]
    assert await events.publish(batch) == 20
    assert await stored(events) == ids(batch)


async def test_a_server_that_takes_smaller_batches_gets_smaller_batches(tmp_path: Path) -> None:
    settings = "limits { batch { max_msgs: 10 } }"
    with NatsServer(tmp_path / "broker", jetstream_settings=settings) as server:
        connection = BrokerConnection([server.url])
        await connection.open()
        events = JetStreamEvents(connection, EVENTS)
        await events.bind()
        batch = some_events(45)
        assert await events.publish(batch) == 45
        assert await stored(events) == ids(batch)
        await connection.close()


async def test_a_stream_that_takes_no_batches_is_named_with_its_cure(connection: BrokerConnection) -> None:
    subjects = list(EVENTS.subjects)
    await ask(connection, "STREAM.CREATE.ALLOCATION_EVENTS", {"name": "ALLOCATION_EVENTS", "subjects": subjects})
    events = JetStreamEvents(connection, EVENTS, adopt=True)
    await events.bind()
    with pytest.raises(BrokerUnavailableError, match="ALLOCATION_EVENTS takes no atomic batches: set allow_atomic"):
        await events.publish(some_events(2))
    assert await stored(events) == []


async def test_nothing_cannot_be_published(events: JetStreamEvents) -> None:
    with pytest.raises(ValueError, match="nothing to publish"):
        await events.publish([])


async def test_publishing_before_binding_is_refused(connection: BrokerConnection) -> None:
    with pytest.raises(BrokerUnavailableError, match="not bound"):
        await JetStreamEvents(connection, EVENTS).publish(some_events(1))


@pytest.mark.parametrize("count", [1, 3])
async def test_a_stream_found_missing_is_made_again_by_binding(
    connection: BrokerConnection, events: JetStreamEvents, count: int
) -> None:
    former = await events.bind()
    batch = some_events(count)
    await ask(connection, "STREAM.DELETE.ALLOCATION_EVENTS")
    with pytest.raises(BrokerUnavailableError, match="nobody answers"):
        await events.publish(batch)
    assert (await events.bind()).created_at != former.created_at
    assert await events.publish(batch) == count
    assert await stored(events) == ids(batch)


@pytest.mark.parametrize("count", [1, 3])
async def test_an_event_that_another_stream_took_is_not_taken_for_published(
    connection: BrokerConnection, events: JetStreamEvents, count: int
) -> None:
    await ask(connection, "STREAM.DELETE.ALLOCATION_EVENTS")
    thief = {"name": "THIEF", "subjects": ["allocation.>"], "allow_atomic": True}
    # The server tidies up the folder of the last stream after it has answered, and a new stream may come in between.
    await once_available(lambda: ask(connection, "STREAM.CREATE.THIEF", thief))
    with pytest.raises(BrokerUnavailableError, match="elsewhere than in stream ALLOCATION_EVENTS"):
        await events.publish(some_events(count))


@pytest.mark.parametrize("count", [1, 300])
async def test_a_frozen_broker_is_noticed_in_time_and_a_repeat_stores_nothing_twice(
    server: NatsServer, events: JetStreamEvents, count: int
) -> None:
    batch = some_events(count)
    server.pause()
    async with asyncio.timeout(5):
        with pytest.raises(BrokerUnavailableError):
            await events.publish(batch)
    server.resume()
    await once_available(lambda: events.publish(batch))
    assert await stored(events) == ids(batch)


async def test_a_broker_killed_again_and_again_stores_every_event_once_and_in_order(
    server: NatsServer, connection: BrokerConnection, events: JetStreamEvents
) -> None:
    all_events = some_events(3000)
    runs = [all_events[begin : begin + 100] for begin in range(0, 3000, 100)]

    async def publish_some(run: list[OutboxEvent]) -> None:
        await events.bind()
        await events.publish(run)

    async def publish_all() -> None:
        for run in runs:
            await once_available(partial(publish_some, run))

    publishing = asyncio.create_task(publish_all())
    for threshold in (500, 1500, 2500):

        async def so_far(threshold: int = threshold) -> bool:
            state = await once_available(events.bind)
            return state.last_sequence >= threshold

        await eventually(so_far)
        server.restart()
    async with asyncio.timeout(60):
        await publishing
    assert await connection.wait_for_health(healthy=True, deadline_seconds=15)
    assert await once_available(lambda: stored(events)) == ids(all_events)


async def test_after_a_reconnect_nothing_is_published_before_the_stream_was_looked_at(
    server: NatsServer, connection: BrokerConnection, events: JetStreamEvents
) -> None:
    first, second = some_events(2)
    await events.publish([first])
    server.restart()
    assert await connection.wait_for_health(healthy=False, deadline_seconds=15)
    assert await connection.wait_for_health(healthy=True, deadline_seconds=15)
    with pytest.raises(BrokerUnavailableError, match="connected anew"):
        await events.publish([second])
    assert (await events.bind()).last_sequence == 1
    assert await events.publish([second]) == 2


async def test_the_event_at_a_sequence_is_told_by_its_id(connection: BrokerConnection, events: JetStreamEvents) -> None:
    first, second = some_events(2)
    await events.publish([first, second])
    await connection.client().jetstream().publish(first.subject, b"no event of ours")
    assert [await events.id_at(sequence) for sequence in range(1, 5)] == [first.event_id, second.event_id, None, None]
