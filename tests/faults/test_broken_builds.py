"""The checker proves itself: under the same load and the same crashes it finds out every build that is broken on purpose."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from stock.allocation.v1.inbound_events_pb2 import OrderPlaced, OrderPlacedLine

from tests.faults.scene import redeliver_an_older_quantity

if TYPE_CHECKING:
    from tests.faults.scene import Scene


@pytest.mark.parametrize(
    ("broken", "failpoint", "after", "complaints"),
    [
        (
            "acks-before-commit",
            "while-consuming",
            40,
            ("is neither in the inbox nor parked", "was placed and is not kept"),
        ),
        ("no-outbox", "after-consuming", 40, ("is in the log and was never published",)),
        ("publishes-twice", "after-publishing", 100, ("is on the event stream 2 times",)),
    ],
)
async def test_the_checker_finds_out_by_a_crash_a_service_that(
    scene: Scene, broken: str, failpoint: str, after: int, complaints: tuple[str, ...]
) -> None:
    await scene.start(failpoint, after=after, broken=broken)
    loading = asyncio.create_task(scene.load.run(calls=30, messages=40))

    await scene.die_and_come_back(broken=broken)
    await loading

    found = await scene.problems()
    for complaint in complaints:
        assert [problem for problem in found if complaint in problem], found


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        ("publishes-later", "is in the log and was never published"),
        ("publishes-newest-first", "is on the event stream after a later one"),
    ],
)
async def test_the_checker_finds_out_without_a_crash_a_service_that(scene: Scene, broken: str, complaint: str) -> None:
    await scene.start(broken=broken)

    await scene.load.run(calls=20, messages=20)

    found = await scene.problems()
    assert [problem for problem in found if complaint in problem], found


async def test_the_checker_finds_out_an_older_quantity_that_is_redelivered_and_overwrites_a_newer_one(scene: Scene) -> None:
    await redeliver_an_older_quantity(scene, broken="no-fence")

    assert "batch small-table-0 was last said to hold 9, and holds 7" in await scene.problems()


async def test_the_checker_finds_out_a_message_that_took_effect_again_after_a_crash(scene: Scene) -> None:
    await scene.start("before-ack", after=2, broken="no-inbox")
    for quantity in (1, 2):
        line = OrderPlacedLine(sku="SMALL-TABLE", quantity=quantity)
        await scene.load.publish("order.placed", OrderPlaced(order_id="order-of-two-minds", lines=[line]))

    await scene.die_and_come_back(broken="no-inbox")

    found = await scene.problems()
    assert "message 2 of ALLOCATION_INBOUND/1 was rejected 2 times about order-of-two-minds SMALL-TABLE" in found
