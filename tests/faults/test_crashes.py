"""The service dies by kill -9 at every moment where something could be lost or done twice, also at moments that are rare."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from tests.faults.load import SEED
from tests.faults.scene import command_of, redeliver_an_older_quantity

if TYPE_CHECKING:
    from tests.faults.scene import Scene


_MOMENTS = {"while-consuming": 20, "while-committing": 20, "after-consuming": 20, "before-ack": 20, "after-publishing": 100}
"""How many times each may come before it is deadly; `make faults` does each of them many times."""


async def test_nothing_is_broken_by_a_service_that_dies_at_one_moment_after_the_other(scene: Scene) -> None:
    chance = random.Random(SEED)  # noqa: S311 - varies the moments, keeps no secret
    first, *others = [(moment, chance.randint(1, after_max)) for moment, after_max in _MOMENTS.items()]
    await scene.start(first[0], after=first[1])

    async with scene.load.going_on():
        for moment, after in others:
            await scene.die()
            scene.service.command = command_of(moment, after=after)
            await asyncio.to_thread(scene.service.launch)
        await scene.die_and_come_back()

    assert await scene.problems() == []


async def test_a_quantity_that_is_redelivered_after_a_newer_one_changes_nothing(scene: Scene) -> None:
    await redeliver_an_older_quantity(scene)

    assert await scene.problems() == []
    assert [event["sku"] for event in scene.tables()["events"] if event["type"] == "internal.QuantitySkipped"] == [
        "SMALL-TABLE"
    ]


async def test_finds_its_own_events_on_the_stream_although_somebody_else_wrote_there_last(scene: Scene) -> None:
    await scene.start("after-publishing", after=100, broken="no-message-ids")
    loading = asyncio.create_task(scene.load.run(calls=30, messages=30))
    await scene.die()
    async with scene.client() as client:
        await client.jetstream().publish("allocation.allocated", b"graffiti")

    await scene.come_back(broken="no-message-ids")
    await loading

    found = await scene.problems()
    assert len(found) == 1, found
    assert found[0].endswith("is none of the log's events")
