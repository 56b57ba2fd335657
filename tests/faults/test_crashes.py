"""The service dies by kill -9 under load, at the moments where something could be lost or done twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from stock.allocation.v1.inbound_events_pb2 import BatchQuantityChanged

from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.faults.scene import Scene


@pytest.mark.parametrize(
    ("failpoint", "after"),
    [
        pytest.param("while-consuming", 40, id="between the fetch and the commit of inbound messages"),
        pytest.param("before-ack", 40, id="between the commit and the ack of an inbound message"),
        pytest.param("after-publishing", 150, id="between the broker's ack of events and their deletion from the outbox"),
    ],
)
async def test_a_service_killed_under_load_loses_nothing_and_does_nothing_twice(
    scene: Scene, failpoint: str, after: int
) -> None:
    await scene.start(failpoint, after=after)
    loading = asyncio.create_task(scene.load.run())

    await scene.die_and_come_back()
    await loading

    assert await scene.problems() == []


async def test_a_quantity_that_is_redelivered_after_a_newer_one_changes_nothing(scene: Scene) -> None:
    await scene.start("while-consuming")
    await scene.redeliver_after(60)

    await scene.load.publish("batch.quantity.changed", BatchQuantityChanged(batch_reference="small-table-0", quantity=7))
    await scene.die()
    await scene.load.publish("batch.quantity.changed", BatchQuantityChanged(batch_reference="small-table-0", quantity=9))
    await scene.come_back()
    await eventually(lambda: len(scene.tables()["inbox"]) == 1)
    await scene.redeliver_after(1)

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
