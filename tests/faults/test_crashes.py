"""The service dies by kill -9 at two moments that chance would hardly find; the others are faults of their own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.faults.scene import redeliver_an_older_quantity

if TYPE_CHECKING:
    from tests.faults.scene import Scene


async def test_a_quantity_that_is_redelivered_after_a_newer_one_changes_nothing(scene: Scene) -> None:
    await redeliver_an_older_quantity(scene)

    assert await scene.problems() == []
    assert [event["sku"] for event in scene.tables()["events"] if event["type"] == "internal.QuantitySkipped"] == [
        "SMALL-TABLE"
    ]


async def test_finds_its_own_events_on_the_stream_although_somebody_else_wrote_there_last(scene: Scene) -> None:
    await scene.start("after-publishing", after=150, broken="no-message-ids")
    loading = asyncio.create_task(scene.load.run())
    await scene.die()
    async with scene.client() as client:
        await client.jetstream().publish("allocation.allocated", b"graffiti")

    await scene.come_back(broken="no-message-ids")
    await loading

    found = await scene.problems()
    assert len(found) == 1, found
    assert found[0].endswith("is none of the log's events")
