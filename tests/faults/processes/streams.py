"""Streams and consumer are deleted, purged, and made anew by a stranger, under the running service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from tests.faults.evidence import CONSUMER, EVENTS, INBOUND, last_position
from tests.faults.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nats.js import JetStreamContext

    from tests.faults.fault import Account, Trial

_MISMATCH = "does not fit, trying again"
_IMPATIENT = {"unknown_wait_seconds": 1}
"""A batch whose creation was deleted with the stream is not waited for very long."""


async def events_deleted(trial: Trial) -> Account:
    """Delete the event stream: what it held is gone, what happens from then on goes to a new one."""
    times = 1 if trial.short else 10
    with Scene(trial.folder, seed=trial.seed) as scene:
        await scene.start()
        async with scene.load.going_on():
            for number in range(times):
                await scene.more("events", 100)
                gone_through = await _delete(scene, EVENTS)
                await scene.until_life(EVENTS, number + 2)
            await scene.more("events", 50)
        return await scene.account(times, gone_through=gone_through)


async def inbound_deleted(trial: Trial) -> Account:
    """Delete the inbound stream: a new one counts from 1 again, and its messages are not taken for old ones."""
    times = 1 if trial.short else 10
    with Scene(trial.folder, seed=trial.seed, settings=_IMPATIENT) as scene:
        await scene.start()
        async with scene.load.going_on():
            for number in range(times):
                await scene.more("inbox", 30)
                await _delete(scene, INBOUND)
                await scene.until_life(INBOUND, number + 2)
            await scene.more("inbox", 30)
        return await scene.account(times)


async def inbound_purged(trial: Trial) -> Account:
    """Purge the inbound stream, also of what was not consumed yet."""
    times = 2 if trial.short else 20
    with Scene(trial.folder, seed=trial.seed, settings=_IMPATIENT) as scene:
        await scene.start()
        async with scene.load.going_on():
            for _ in range(times):
                await scene.more("inbox", 30)
                async with scene.client() as client:
                    await client.jetstream().purge_stream(INBOUND)
                    purged_through = (await client.jetstream().stream_info(INBOUND)).state.first_seq - 1
            await scene.more("inbox", 30)
        return await scene.account(times, purged_through=purged_through)


async def consumer_deleted(trial: Trial) -> Account:
    """Delete the durable consumer: a new one is given everything again, and nothing takes effect twice."""
    times = 2 if trial.short else 20
    with Scene(trial.folder, seed=trial.seed) as scene:
        await scene.start()
        async with scene.load.going_on():
            for _ in range(times):
                await scene.more("inbox", 30)
                async with scene.client() as client:
                    await client.jetstream().delete_consumer(INBOUND, CONSUMER)
            await scene.more("inbox", 30)
        return await scene.account(times)


async def remade_by_a_stranger(trial: Trial) -> Account:
    """Put a stranger's event stream, then a stranger's consumer, in the place of ours: refused and said until taken away."""
    rounds = 1 if trial.short else 5
    with Scene(trial.folder, seed=trial.seed) as scene:
        await scene.start()
        async with scene.load.going_on():
            for _ in range(rounds):
                await _refused(scene, _forget_events_at_once)
                gone_through = await _delete(scene, EVENTS)
                await scene.more("events", 50)
                await _refused(scene, _consume_without_acks)
                async with scene.client() as client:
                    await client.jetstream().delete_consumer(INBOUND, CONSUMER)
                await scene.more("inbox", 30)
        return await scene.account(2 * rounds, gone_through=gone_through)


async def inbound_remade_by_a_stranger(trial: Trial) -> Account:
    """Put a stranger's inbound stream in the place of ours, one that deletes what is acknowledged."""
    times = 1 if trial.short else 5
    with Scene(trial.folder, seed=trial.seed, settings=_IMPATIENT) as scene:
        await scene.start()
        async with scene.load.going_on():
            for number in range(times):
                await _refused(scene, _delete_what_is_acknowledged)
                await _delete(scene, INBOUND)
                await scene.until_life(INBOUND, number + 2)
                await scene.more("inbox", 30)
        return await scene.account(times)


async def _refused(scene: Scene, remake: Callable[[JetStreamContext], Awaitable[object]]) -> None:
    """Have something made anew otherwise, and wait until the service says so while it goes on answering."""
    await scene.more("events", 50)
    refused = scene.times_logged(_MISMATCH)
    async with scene.client() as client:
        await remake(client.jetstream())
    await scene.said(_MISMATCH, refused + 1)
    await scene.more("events", 20)


async def _forget_events_at_once(jetstream: JetStreamContext) -> None:
    configuration = (await jetstream.stream_info(EVENTS)).config
    await jetstream.delete_stream(EVENTS)
    await jetstream.add_stream(
        StreamConfig(name=EVENTS, subjects=configuration.subjects, storage=StorageType.MEMORY, discard=DiscardPolicy.NEW)
    )


async def _consume_without_acks(jetstream: JetStreamContext) -> None:
    await jetstream.delete_consumer(INBOUND, CONSUMER)
    await jetstream.add_consumer(INBOUND, ConsumerConfig(durable_name=CONSUMER, ack_policy=AckPolicy.NONE))


async def _delete_what_is_acknowledged(jetstream: JetStreamContext) -> None:
    configuration = (await jetstream.stream_info(INBOUND)).config
    await jetstream.delete_stream(INBOUND)
    await jetstream.add_stream(
        StreamConfig(name=INBOUND, subjects=configuration.subjects, retention=RetentionPolicy.WORK_QUEUE)
    )


async def _delete(scene: Scene, stream: str) -> int:
    """Delete a stream, and answer how far the log had come by then."""
    async with scene.client() as client:
        await client.jetstream().delete_stream(stream)
    return last_position(scene.service.database)
