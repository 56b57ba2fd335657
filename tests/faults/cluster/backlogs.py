"""A backlog: of messages while the service is down, of events while the broker is away. All of it is worked off, in order."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from typing import TYPE_CHECKING

from tests.faults.cluster.cluster_scene import SERVE
from tests.faults.cluster.fast_publisher import publish_fast
from tests.faults.evidence import CONSUMER, INBOUND
from tests.faults.scene import Scene
from tests.nats_server import NatsServer
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.faults.fault import Account, Trial

BACKLOG, BACKLOG_SHORT = 100_000, 2_000
_CALLERS = 64
_WORKED_OFF_WITHIN_SECONDS = 900.0
_LOOK_SECONDS = 0.2


async def messages_while_down(trial: Trial) -> Account:
    """Publish while the service is down, then start it, and call it while it works the messages off."""
    size = BACKLOG_SHORT if trial.short else BACKLOG
    with (
        NatsServer(trial.folder / "broker") as broker,
        Scene(trial.folder, settings={"nats_urls": broker.url}, nats_url=broker.url, seed=trial.seed) as scene,
    ):
        await scene.start(command=SERVE)
        # As it is delivered to everybody but tests: a second is too short for what is fetched from a backlog.
        await scene.redeliver_after(30)
        scene.service.send(signal.SIGTERM)
        await asyncio.to_thread(scene.service.wait_for_death)
        await publish_fast(broker.url, scene.load.ledger, size, random.Random(trial.seed))  # noqa: S311 - no secret
        began = time.monotonic()
        await asyncio.to_thread(scene.service.start)
        async with scene.load.going_on(callers=2, pause_seconds=0.05):
            await eventually(lambda: _are_consumed(scene, size), _WORKED_OFF_WITHIN_SECONDS)
        _tell(f"{size:,} messages consumed", time.monotonic() - began)
        await eventually(lambda: _is_published(scene), _WORKED_OFF_WITHIN_SECONDS)
        _tell("and every event of theirs published", time.monotonic() - began)
        return await scene.account(1)


async def events_while_broker_is_away(trial: Trial) -> Account:
    """Allocate while the broker is away until the outbox holds that many events, then bring it back."""
    size = BACKLOG_SHORT if trial.short else BACKLOG
    with (
        NatsServer(trial.folder / "broker") as broker,
        Scene(trial.folder, settings={"nats_urls": broker.url}, nats_url=broker.url, seed=trial.seed) as scene,
    ):
        await scene.start(command=SERVE)
        await asyncio.to_thread(broker.stop)
        began = time.monotonic()
        while (waiting := scene.count("outbox")) < size:
            await scene.load.call(callers=_CALLERS, calls=(size - waiting) // _CALLERS + 10)
        _tell(f"{waiting:,} events waiting", time.monotonic() - began)
        began = time.monotonic()
        await asyncio.to_thread(broker.start)
        await eventually(lambda: _is_published(scene), _WORKED_OFF_WITHIN_SECONDS)
        _tell(f"{waiting:,} events published", time.monotonic() - began)
        return await scene.account(1)


async def _are_consumed(scene: Scene, size: int) -> bool:
    """Whether so many messages of the stream are acknowledged, without a gap."""
    await asyncio.sleep(_LOOK_SECONDS)  # Looking costs the broker as much as a message.
    async with scene.client() as client:
        consumer = await client.jetstream().consumer_info(INBOUND, CONSUMER)
    return consumer.ack_floor is not None and consumer.ack_floor.stream_seq >= size


async def _is_published(scene: Scene) -> bool:
    await asyncio.sleep(_LOOK_SECONDS)
    return scene.count("outbox") == 0


def _tell(what: str, seconds: float) -> None:
    print(f"{what} after {seconds:.1f} s")  # noqa: T201 - how long it took is what one wants to know
