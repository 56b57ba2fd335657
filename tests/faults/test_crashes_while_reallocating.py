"""The service dies while a batch of 300 lines shrinks to nothing: all of it happens, once, whatever the moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged, OrderPlaced, OrderPlacedLine

from tests.faults.scene import Scene
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINES, SKU = 300, "SMALL-TABLE"


@pytest.fixture
def scene(tmp_path: Path, promises_per_transaction_max: int) -> Iterator[Scene]:
    """A service that moves so many lines in one transaction."""
    with Scene(tmp_path, settings={"promises_per_transaction_max": promises_per_transaction_max}) as prepared:
        yield prepared


@pytest.mark.parametrize(
    ("promises_per_transaction_max", "failpoint", "after", "displaced_before"),
    [
        pytest.param(1_000, "while-reallocating", 1, 0, id="inside the one transaction"),
        pytest.param(1_000, "after-reallocating", 1, LINES, id="right after its commit"),
        pytest.param(50, "after-reallocating", 3, 150, id="between two steps while lines leave"),
        pytest.param(50, "while-reallocating", 9, LINES, id="inside a step while lines are promised again"),
    ],
)
async def test_a_reallocation_survives_the_death_of_the_service(
    scene: Scene, failpoint: str, after: int, displaced_before: int
) -> None:
    await scene.start(failpoint, after=after)
    await _promise_a_heap(scene)
    loading = asyncio.create_task(scene.load.run(callers=2, calls=20, messages=0, managers=0))

    await scene.load.publish("batch.quantity.changed", BatchQuantityChanged(batch_reference="heap", quantity=0))
    await scene.die()
    displaced = _displaced(scene)
    await scene.come_back()
    await loading

    assert displaced == displaced_before
    assert await scene.problems() == []
    assert _displaced(scene) == LINES
    assert not [line for line in scene.tables()["order_lines"] if line["batch_reference"] == "heap"]


async def _promise_a_heap(scene: Scene) -> None:
    """Promise 300 lines to one batch, and have another with room for two thirds of them."""
    lines = [OrderPlacedLine(line_id=str(number), sku=SKU, quantity=3) for number in range(LINES)]
    await scene.load.publish("batch.created", BatchCreated(batch_reference="heap", sku=SKU, purchased_quantity=3 * LINES))
    await scene.load.publish("order.placed", OrderPlaced(order_id="banquet", lines=lines))
    await eventually(lambda: sum(line["batch_reference"] == "heap" for line in scene.tables()["order_lines"]) == LINES)
    await scene.load.publish("batch.created", BatchCreated(batch_reference="spare", sku=SKU, purchased_quantity=2 * LINES))


def _displaced(scene: Scene) -> int:
    return sum(event["type"].endswith(".Deallocated") for event in scene.tables()["events"])
