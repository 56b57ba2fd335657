"""Hostile clients as faults of the rig: while they are at it, the ledger of the good ones must add up."""

from __future__ import annotations

import asyncio
import random
import resource
from typing import TYPE_CHECKING

from tests.faults.fault import Fault
from tests.faults.hostile.grpc_abuse import ABUSES
from tests.faults.hostile.nats_abuse import publish_garbage
from tests.faults.scene import Scene

if TYPE_CHECKING:
    from tests.faults.fault import Account, Trial
    from tests.faults.hostile.grpc_abuse import Abuse


async def hostile_callers(trial: Trial) -> Account:
    """Do to the gRPC port everything that no good caller does, one kind after the other."""
    rounds, times = (1, 100) if trial.short else (5, 2_000)
    _allow_descriptors(2 * times)
    chance = random.Random(trial.seed)  # noqa: S311 - varies the abuse, keeps no secret
    with Scene(trial.folder, seed=trial.seed) as scene:
        await scene.start()

        def once(abuse: Abuse) -> int:
            with abuse(scene.service.grpc_address, chance, times) as done:
                return done

        async with scene.load.going_on():
            done = 0
            for _ in range(rounds):
                for abuse in ABUSES:
                    done += await asyncio.to_thread(once, abuse)
            await scene.more("inbox", 20)
        return await scene.account(done)


async def hostile_publishers(trial: Trial) -> Account:
    """Publish thousands of messages that are none, under headers of every kind."""
    rounds, times = (2, 100) if trial.short else (20, 2_000)
    chance = random.Random(trial.seed)  # noqa: S311 - varies the garbage, keeps no secret
    with Scene(trial.folder, seed=trial.seed) as scene:
        await scene.start()
        async with scene.load.going_on():
            done = 0
            for _ in range(rounds):
                done += await asyncio.to_thread(publish_garbage, scene.service.nats_port, chance, times)
                await scene.more("parked_messages", times // 2)
            await scene.more("inbox", 20)
        return await scene.account(done)


def _allow_descriptors(count: int) -> None:
    """Let this process, and the service that it starts, hold so many connections, if the machine lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count if hard == resource.RLIM_INFINITY else min(hard, count), hard))


FAULTS: tuple[Fault, ...] = (
    Fault("hostile-callers", "hostile callers: broken frames, floods, silence, resets", hostile_callers, to_processes=False),
    Fault("hostile-publishers", "hostile publishers: messages that are none", hostile_publishers, to_processes=False),
)
