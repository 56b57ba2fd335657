"""The power fails again and again, at operations of the disk that chance chooses; nothing that was promised may be gone."""

from __future__ import annotations

import os
import random
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.faults.power_loss.forgetful_disk import ForgetfulDisk
from tests.faults.power_loss.house import OPERATIONS_UNDER_LOAD, House
from tests.faults.power_loss.prerequisites import need_forgetful_disk
from tests.faults.scene import Scene
from tests.nats_server import NatsServer
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.faults.fault import Account, Trial

_FAILURES, _FAILURES_IN_SHORT = 40, 1


async def of_everything(trial: Trial) -> Account:
    """Fail under load, with service and broker on one disk; every third time also while they start again."""
    need_forgetful_disk()
    with House(trial.folder, trial.seed) as house:
        return await _fail_under_load(house, trial)


async def of_the_service_alone(trial: Trial) -> Account:
    """Fail under load where the service keeps its database, on a disk that forgets names too; the broker is elsewhere."""
    need_forgetful_disk()
    with (
        NatsServer(trial.folder / "broker") as broker,
        House(trial.folder, trial.seed, settings={"nats_urls": broker.url}, strict_names=True) as house,
    ):
        return await _fail_under_load(house, trial)


async def at_first_start(trial: Trial) -> Account:
    """Fail while a service is started on an empty disk, until it has nothing left to set up; then work on that disk."""
    need_forgetful_disk()
    with House(trial.folder, trial.seed) as house:
        await house.regain_power(flickers=_failures(trial))
        await house.scene.load.stock_up()
        await house.scene.load.run()
        return await house.scene.account(house.failures)


async def of_the_broker_alone(trial: Trial, *, sync_lies: bool = False) -> Account:
    """Fail under load where a broker of its own keeps its streams; the service goes on and waits for it."""
    need_forgetful_disk()
    chance = random.Random(trial.seed)  # noqa: S311 - repeatable, keeps no secret
    broker = NatsServer(trial.folder / "broker")
    with (
        ForgetfulDisk(broker.store, trial.folder / "platter", sync_lies=sync_lies) as disk,
        ExitStack() as ending,
        Scene(trial.folder, settings={"nats_urls": broker.url}, nats_url=broker.url, seed=trial.seed) as scene,
    ):
        disk.plug_in(None if sync_lies else chance.randrange(1, 10**6))
        broker.start()
        ending.callback(broker.stop)
        await scene.start(command=("-m", "allocation", "serve"))
        async with scene.load.going_on():
            for number in range(_failures(trial)):
                disk.fail_after(chance.randrange(OPERATIONS_UNDER_LOAD))
                await eventually(lambda: disk.has_failed)
                os.kill(broker.pid, signal.SIGKILL)
                disk.unplug()
                broker.kill()
                disk.plug_in(chance.randrange(1, 10**6) if number % 2 else None)
                broker.start()
        return await scene.account(_failures(trial))


async def _fail_under_load(house: House, trial: Trial) -> Account:
    await house.move_in()
    async with house.scene.load.going_on():
        for number in range(_failures(trial)):
            await house.lose_power()
            await house.regain_power(flickers=int(number % 3 == 0))
    return await house.scene.account(house.failures)


def _failures(trial: Trial) -> int:
    return _FAILURES_IN_SHORT if trial.short else _FAILURES
