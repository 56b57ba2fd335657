"""The network between the service and its broker, or between callers and the service, is a bad one."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.faults.load import Load
from tests.faults.processes.brokers import SERVE
from tests.faults.processes.lost_acks import AckLoss
from tests.faults.proxy import Proxy
from tests.faults.scene import Scene
from tests.nats_server import NatsServer
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.faults.fault import Account, Trial
    from tests.faults.proxied_connection import Sieve

_RECOVERY_SECONDS = 60.0
_CALL_SECONDS = 2.0
_DELAY_SECONDS, _JITTER_SECONDS = 0.02, 0.1


@asynccontextmanager
async def before_the_broker(trial: Trial, sieve: Callable[[], Sieve] | None = None) -> AsyncIterator[tuple[Proxy, Scene]]:
    """Start a broker, a proxy before it, and a service that knows the proxy alone; publishers go straight to the broker."""
    with NatsServer(trial.folder / "broker") as broker:
        async with Proxy(broker.port, seed=trial.seed, sieve=sieve) as proxy:
            settings = {"nats_urls": proxy.nats_url}
            with Scene(trial.folder, settings=settings, nats_url=broker.url, seed=trial.seed) as scene:
                await scene.start(command=SERVE)
                yield proxy, scene
                await asyncio.to_thread(scene.service.interrupt)


async def acks_lost(trial: Trial) -> Account:
    """Lose acknowledgements of events one by one: the events are stored, and the service is not told."""
    times = 1 if trial.short else 15
    loss = AckLoss()
    async with before_the_broker(trial, loss.sieve) as (_, scene):
        async with scene.load.going_on():
            for _ in range(times):
                loss.wanted += 1
                await eventually(lambda: loss.lost == loss.wanted, _RECOVERY_SECONDS)
        return await scene.account(loss.lost)


async def half_open(trial: Trial) -> Account:
    """Let the service's connection to the broker carry nothing any more, and say so to nobody."""
    times = 1 if trial.short else 6
    async with before_the_broker(trial) as (proxy, scene):
        async with scene.load.going_on():
            for _ in range(times):
                proxy.half_open()
                await scene.more("inbox", 20)
        return await scene.account(times)


async def silent(trial: Trial) -> Account:
    """Swallow everything between service and broker for a while, on every connection, new ones too."""
    times, seconds = (1, 3.0) if trial.short else (2, 40.0)
    async with before_the_broker(trial) as (proxy, scene):
        async with scene.load.going_on():
            for _ in range(times):
                await scene.more("inbox", 20)
                proxy.swallow()
                await asyncio.sleep(seconds)  # the fault itself
                proxy.pass_on()
            await scene.more("inbox", 20)
        return await scene.account(times)


async def slow_and_lossy(trial: Trial) -> Account:
    """Delay everything between service and broker, each piece otherwise, and cut the connection every now and then."""
    times = 2 if trial.short else 60
    chance = random.Random(trial.seed)  # noqa: S311 - varies the trial, keeps no secret
    async with before_the_broker(trial) as (proxy, scene):
        proxy.delay(_DELAY_SECONDS, _JITTER_SECONDS)
        async with scene.load.going_on():
            for _ in range(times):
                await asyncio.sleep(chance.uniform(0.3, 2.0))  # the rhythm is the fault
                proxy.cut()
            proxy.pass_on()
            await scene.more("inbox", 20)
        return await scene.account(times)


async def replies_lost(trial: Trial) -> Account:
    """Lose the answers to RPCs: those who asked ask again, over another connection."""
    times = 8 if trial.short else 200
    chance = random.Random(trial.seed)  # noqa: S311 - varies the trial, keeps no secret
    with Scene(trial.folder, seed=trial.seed) as scene:
        await scene.start()
        async with Proxy(scene.service.grpc_port, seed=trial.seed) as proxy:
            scene.load = Load(proxy.address, scene.nats_url, seed=trial.seed, call_seconds=_CALL_SECONDS)
            await scene.load.stock_up()
            async with scene.load.going_on():
                for _ in range(times):
                    await asyncio.sleep(chance.uniform(0.05, 0.3))  # the rhythm is the fault
                    swallowed = proxy.swallowed_bytes
                    proxy.drop_replies()
                    await eventually(lambda: proxy.swallowed_bytes > swallowed)  # noqa: B023 - awaited at once
                    proxy.pass_on()
            return await scene.account(times)
