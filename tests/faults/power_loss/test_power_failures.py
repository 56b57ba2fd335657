"""The checker finds out who did not wait for the disk: without syncs, a power failure does lose what was promised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.fault import Trial
from tests.faults.power_loss import power_failures
from tests.faults.power_loss.house import House
from tests.faults.power_loss.observation import SERVICE_WITHOUT_SYNCS
from tests.faults.power_loss.prerequisites import need_forgetful_disk

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_database_that_does_not_sync_loses_what_was_answered(tmp_path: Path) -> None:
    need_forgetful_disk()
    # Without its database the service does not know the batches of what is delivered again, and waits for them.
    with House(tmp_path, seed=1, settings={"unknown_wait_seconds": 1}) as house:
        house.scene.service.command = (*SERVICE_WITHOUT_SYNCS, "--database-alone")
        await house.move_in()
        await house.scene.load.run(calls=5, messages=5)
        assert await house.scene.problems() == []

        await house.lose_power(operations_max=1)
        await house.regain_power()

        found = await house.scene.problems()
    assert [problem for problem in found if "and the log does not say so" in problem], found


async def test_a_broker_whose_disk_lies_loses_what_it_acknowledged(tmp_path: Path) -> None:
    account = await power_failures.of_the_broker_alone(Trial(tmp_path, seed=1, short=True), sync_lies=True)

    assert [problem for problem in account.problems if "is in the log and was never published" in problem], account.problems
