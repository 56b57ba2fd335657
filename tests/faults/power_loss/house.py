"""A service and its broker on one forgetful disk: the power of the whole house fails, and comes back."""

from __future__ import annotations

import asyncio
import random
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Self

import psutil

from tests.faults.power_loss.forgetful_disk import ForgetfulDisk
from tests.faults.scene import Scene
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

OPERATIONS_UNDER_LOAD, OPERATIONS_OF_A_START = 1_500, 120
"""A failure comes at one of so many changes and syncs of the disk: about those of a second of load, or of a start."""
_FAILS_WITHIN_SECONDS = 5.0
_DIES_WITHIN_SECONDS = 10.0


class House:
    """The data folder, with the database and the broker's streams, is the mounted disk; logs and ledger are elsewhere.

    In one failure of two nothing unsynced survives; in the others chance decides, piece by piece. With the setting
    `nats_urls`, of a broker elsewhere, the service alone loses its power, and is started by `allocation serve`.
    """

    def __init__(self, folder: Path, seed: int, *, settings: dict[str, Any] | None = None, strict_names: bool = False) -> None:
        self.failures = 0
        nats_url = (settings or {}).get("nats_urls", "")
        self.scene = Scene(folder, settings=settings, nats_url=nats_url, seed=seed)
        self.scene.service.command = ("-m", "allocation", "serve" if nats_url else "dev")
        self.disk = ForgetfulDisk(self.scene.service.data_folder, folder / "platter", strict_names=strict_names)
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, keeps no secret
        self._stack = ExitStack()

    async def move_in(self) -> None:
        """Switch everything on for the first time, and create the first batches."""
        await self.power_on()
        await self.scene.start(command=tuple(self.scene.service.command))

    async def power_on(self) -> None:
        """Give the disk power, and nothing else yet."""
        await asyncio.to_thread(self.disk.plug_in, self._chance.choice((None, self._chance.randrange(1, 10**6))))

    async def lose_power(self, operations_max: int = OPERATIONS_UNDER_LOAD) -> None:
        """Let the power fail at one of so many operations of the disk, by chance; everything dies with it."""
        self.disk.fail_after(self._chance.randrange(operations_max))
        try:
            await eventually(lambda: self.disk.has_failed, _FAILS_WITHIN_SECONDS)
        except TimeoutError:  # nothing asks the disk any more
            self.disk.fail()
            await eventually(lambda: self.disk.has_failed)
        self.failures += 1
        await asyncio.to_thread(self._kill)

    async def regain_power(self, *, flickers: int = 0) -> None:
        """Start the disk and the service again; the power may fail a few times more before the service has started."""
        for _ in range(flickers):
            await self.power_on()
            self.scene.service.launch()
            await self.lose_power(OPERATIONS_OF_A_START)
        await self.power_on()
        await asyncio.to_thread(self.scene.service.start)
        await self.scene.redeliver_after(1)

    def __enter__(self) -> Self:
        self._stack.enter_context(self.disk)
        self._stack.enter_context(self.scene)
        return self

    def __exit__(self, *_: object) -> None:
        if self.disk.has_failed and self.scene.service.is_running:
            self._kill()
        self._stack.close()

    def _kill(self) -> None:
        """Kill service and broker; what waits for a disk without power can die only when the disk is gone."""
        service = psutil.Process(self.scene.service.pid)
        processes = [*service.children(recursive=True), service]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.disk.unplug()
        self.scene.service.wait_for_death()
        _, alive = psutil.wait_procs(processes, _DIES_WITHIN_SECONDS)
        assert not alive, f"{alive} survived the power failure"
