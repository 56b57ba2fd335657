"""Nodes of the cluster are killed: the leader, two, all three, and a random one every half second."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from tests.faults.cluster.cluster_scene import account_of, clustered
from tests.faults.cluster.progress import calls_are_answered, messages_are_stored
from tests.faults.evidence import EVENTS, INBOUND
from tests.nats_cluster import SIZE

if TYPE_CHECKING:
    from tests.faults.fault import Account, Trial

_BETWEEN_KILLS_SECONDS = 0.5


async def kill_leaders(trial: Trial) -> Account:
    """Kill the leader of the one stream, then of the other; two nodes go on, and the third comes back."""
    times = 1 if trial.short else 12
    async with clustered(trial) as (cluster, scene):
        async with scene.load.going_on():
            for number in range(times):
                leader = await cluster.leader_of((INBOUND, EVENTS)[number % 2])
                await cluster.kill(leader)
                await messages_are_stored(scene)
                await cluster.start((leader,))
                await cluster.until_healthy()
        return await account_of(cluster, scene, times)


async def kill_two(trial: Trial) -> Account:
    """Kill the leader and one more: nothing can be stored while calls are answered, until both come back."""
    return await _kill_many(trial, 2)


async def kill_all(trial: Trial) -> Account:
    """Kill all three at once, and start them again."""
    return await _kill_many(trial, SIZE)


async def _kill_many(trial: Trial, count: int) -> Account:
    times = 1 if trial.short else 6
    chance = random.Random(trial.seed)  # noqa: S311 - varies the trial, keeps no secret
    async with clustered(trial) as (cluster, scene):
        async with scene.load.going_on():
            for _ in range(times):
                leader = await cluster.leader_of(INBOUND)
                others = [number for number in range(SIZE) if number != leader]
                dead = (leader, *chance.sample(others, count - 1))
                await cluster.kill(*dead)
                await calls_are_answered(scene)
                await cluster.start(dead)
                await cluster.until_healthy()
                await messages_are_stored(scene)
        return await account_of(cluster, scene, times)


async def kill_one_every_half_second(trial: Trial) -> Account:
    """Kill a random node every half second and start it again at once: hardly ever is there a leader."""
    times = 4 if trial.short else 120
    chance = random.Random(trial.seed)  # noqa: S311 - varies the trial, keeps no secret
    async with clustered(trial) as (cluster, scene):
        async with scene.load.going_on():
            for _ in range(times):
                began = time.monotonic()
                victim = chance.randrange(SIZE)
                await cluster.kill(victim)
                await cluster.start((victim,))
                # The rhythm is the fault; it waits for nothing.
                await asyncio.sleep(max(0.0, _BETWEEN_KILLS_SECONDS - (time.monotonic() - began)))
            await cluster.until_healthy()
            await messages_are_stored(scene)
        return await account_of(cluster, scene, times)
