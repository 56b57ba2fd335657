"""The service is killed: at the moments where something could be lost or done twice, and again and again at any."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from typing import TYPE_CHECKING

from tests.faults.scene import Scene, command_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.faults.fault import Account, Trial

_LIFE_SECONDS_MIN, _LIFE_SECONDS_MAX = 0.2, 2.0


def killed_at(failpoint: str, *, after_max: int) -> Callable[[Trial], Awaitable[Account]]:
    """Kill the service under load when it has come to a failpoint so many times, another number in each of its lives."""

    async def run(trial: Trial) -> Account:
        times, first_max = (1, after_max // 2) if trial.short else (25, after_max)
        chance = random.Random(trial.seed)  # noqa: S311 - varies the trial, keeps no secret
        with Scene(trial.folder, seed=trial.seed) as scene:
            await scene.start(failpoint, after=chance.randint(first_max // 2, first_max))
            async with scene.load.going_on():
                for _ in range(times - 1):
                    await scene.die()
                    # Half of its lives are short: with what was left undone it may come there again before it serves.
                    after = chance.choice((chance.randint(1, after_max), chance.randint(after_max, 4 * after_max)))
                    scene.service.command = command_of(failpoint, after=after)
                    await asyncio.to_thread(scene.service.launch)
                await scene.die_and_come_back()
            return await scene.account(times)

    return run


async def killed_again_and_again(trial: Trial) -> Account:
    """Kill the service every 0.2 to 2 s, whatever it does then: some lives end before it serves; its broker is an orphan."""
    times = 2 if trial.short else 60
    chance = random.Random(trial.seed)  # noqa: S311 - varies the trial, keeps no secret
    with Scene(trial.folder, seed=trial.seed) as scene:
        await scene.start()
        async with scene.load.going_on():
            for _ in range(times):
                await asyncio.sleep(chance.uniform(_LIFE_SECONDS_MIN, _LIFE_SECONDS_MAX))  # the rhythm is the fault
                await asyncio.to_thread(scene.service.kill)
                await asyncio.to_thread(scene.service.launch)
            await asyncio.to_thread(scene.service.kill)
            await scene.come_back()
            await scene.more("events", 20)
        return await scene.account(times + 1)


async def frozen(trial: Trial) -> Account:
    """Freeze the service: what it has fetched is delivered again, and its connections are given up, before it goes on."""
    times, seconds = (1, 4.0) if trial.short else (6, 15.0)
    with Scene(trial.folder, seed=trial.seed) as scene:
        await scene.start()
        async with scene.load.going_on():
            for _ in range(times):
                await scene.more("inbox", 20)
                os.kill(scene.service.pid, signal.SIGSTOP)
                try:
                    await asyncio.sleep(seconds)  # the fault itself
                finally:
                    os.kill(scene.service.pid, signal.SIGCONT)
            await scene.more("inbox", 20)
        return await scene.account(times)


async def unknown_outcomes(trial: Trial) -> Account:
    """Let the store say of one commit in twenty that it does not know what came of it."""
    wanted = 10 if trial.short else 300
    with Scene(trial.folder, seed=trial.seed) as scene:
        await scene.start(command=command_of(restless="unknown-outcomes", seed=trial.seed))
        async with scene.load.going_on():
            await scene.said("OutcomeUnknownError", wanted)
        return await scene.account(scene.times_logged("OutcomeUnknownError"))
