"""Nodes of the cluster hand over, freeze, forget everything, and are replaced one by one, as an upgrade does it."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from tests.faults.cluster.cluster_scene import account_of, clustered
from tests.faults.cluster.progress import messages_are_stored
from tests.faults.evidence import CONSUMER, EVENTS, INBOUND
from tests.nats_cluster import SIZE

if TYPE_CHECKING:
    from tests.faults.fault import Account, Trial

_FROZEN_SECONDS = 20
_FROZEN_SECONDS_SHORT = 6


async def step_leaders_down(trial: Trial) -> Account:
    """Have the leaders of both streams and of the consumer replaced, one after the other, again and again."""
    wanted = 3 if trial.short else 60
    times = 0
    async with clustered(trial) as (cluster, scene):
        async with scene.load.going_on():
            for number in range(wanted):
                stream, consumer = ((INBOUND, ""), (EVENTS, ""), (INBOUND, CONSUMER))[number % 3]
                times += await cluster.step_down(stream, consumer)
                await cluster.leader_of(stream, consumer)
                await messages_are_stored(scene, 5)
        return await account_of(cluster, scene, times)


async def freeze_leaders(trial: Trial) -> Account:
    """Freeze the leader for longer than the others wait for it: it wakes up as one who was replaced."""
    times = 1 if trial.short else 5
    async with clustered(trial) as (cluster, scene):
        async with scene.load.going_on():
            for number in range(times):
                leader = cluster.servers[await cluster.leader_of((INBOUND, EVENTS)[number % 2])]
                leader.pause()
                # How long it sleeps is the fault; nothing is waited for.
                await asyncio.sleep(_FROZEN_SECONDS_SHORT if trial.short else _FROZEN_SECONDS)
                leader.resume()
                await cluster.until_healthy()
                await messages_are_stored(scene)
        return await account_of(cluster, scene, times)


async def empty_stores(trial: Trial) -> Account:
    """Kill a node, bring it back with nothing in its store, and then kill another, so that what it has learnt is needed."""
    times = 1 if trial.short else 6
    chance = random.Random(trial.seed)  # noqa: S311 - varies the trial, keeps no secret
    async with clustered(trial) as (cluster, scene):
        async with scene.load.going_on():
            for _ in range(times):
                forgetful, other = chance.sample(range(SIZE), 2)
                await cluster.kill(forgetful)
                cluster.servers[forgetful].forget_everything()
                await cluster.start((forgetful,))
                await cluster.until_healthy()
                await cluster.kill(other)
                await messages_are_stored(scene)
                await cluster.start((other,))
                await cluster.until_healthy()
        return await account_of(cluster, scene, times)


async def replace_one_by_one(trial: Trial) -> Account:
    """Retire each node in lame duck mode and start it again when the others have taken over, as an upgrade does it."""
    rounds = 1 if trial.short else 3
    async with clustered(trial) as (cluster, scene):
        async with scene.load.going_on():
            for number in [*range(SIZE)] * rounds:
                await cluster.retire(number)
                await cluster.start((number,))
                await cluster.until_healthy()
                await messages_are_stored(scene)
        return await account_of(cluster, scene, rounds * SIZE)
