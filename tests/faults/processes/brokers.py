"""The broker is killed and frozen: the service's own, and one that it does not run itself."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.faults.load import Load
from tests.faults.scene import Scene
from tests.nats_server import NatsServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faults.fault import Account, Trial

SERVE = ("-m", "allocation", "serve")
_BETWEEN_KILLS_SECONDS = 0.5


@asynccontextmanager
async def on_a_broker(trial: Trial, *, identified: bool = False) -> AsyncIterator[tuple[NatsServer, Scene]]:
    """Start a broker and a service that finds it there; with `identified`, every message has an identity."""
    with (
        NatsServer(trial.folder / "broker") as broker,
        Scene(trial.folder, settings={"nats_urls": broker.url}, nats_url=broker.url, seed=trial.seed) as scene,
    ):
        scene.load = Load(scene.service.grpc_address, broker.url, seed=trial.seed, identified=identified)
        await scene.start(command=SERVE)
        yield broker, scene


async def killed(trial: Trial) -> Account:
    """Kill the broker every half second and start it again on its store."""
    times = 4 if trial.short else 120
    async with on_a_broker(trial) as (broker, scene):
        async with scene.load.going_on():
            for _ in range(times):
                began = time.monotonic()
                await asyncio.to_thread(broker.restart)
                await asyncio.sleep(max(0.0, _BETWEEN_KILLS_SECONDS - (time.monotonic() - began)))  # the rhythm is the fault
            await scene.more("inbox", 20)
        return await scene.account(times)


async def own_killed(trial: Trial) -> Account:
    """Kill the broker that the service runs itself: it starts it again."""
    times = 1 if trial.short else 12
    with Scene(trial.folder, seed=trial.seed) as scene:
        await scene.start()
        async with scene.load.going_on():
            for number in range(1, times + 1):
                await scene.more("inbox", 20)
                os.kill(scene.service.broker_pid, signal.SIGKILL)
                await scene.said("broker_restarted", number)
            await scene.more("inbox", 20)
        return await scene.account(times)


async def frozen(trial: Trial) -> Account:
    """Freeze the broker: its connections stay open and silent."""
    times, seconds = (1, 3.0) if trial.short else (4, 20.0)
    async with on_a_broker(trial) as (broker, scene):
        async with scene.load.going_on():
            for _ in range(times):
                await scene.more("inbox", 20)
                broker.pause()
                await asyncio.sleep(seconds)  # the fault itself
                broker.resume()
            await scene.more("inbox", 20)
        return await scene.account(times)
