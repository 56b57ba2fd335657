"""Somebody deletes a stream under the running service: it is created again, and its messages are new ones."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.faults.evidence import EVENTS, INBOUND
from tests.faults.scene import Scene
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A service that does not wait long for batches whose creation was deleted."""
    with Scene(tmp_path, settings={"unknown_wait_seconds": 1}) as prepared:
        yield prepared


async def test_events_go_to_a_new_stream_when_theirs_was_deleted(scene: Scene) -> None:
    await scene.start()
    loading = asyncio.create_task(scene.load.run())
    await eventually(lambda: len(scene.tables()["inbox"]) > 20)

    async with scene.client() as client:
        await client.jetstream().delete_stream(EVENTS)
    gone_through = scene.tables()["events"][-1]["position"]
    await loading
    await scene.load.run(calls=10, messages=10)

    assert await scene.problems(gone_through=gone_through) == []
    assert _lives(scene)[EVENTS] == 2


async def test_messages_of_a_new_inbound_stream_take_effect_although_it_counts_from_one_again(scene: Scene) -> None:
    await scene.start()
    loading = asyncio.create_task(scene.load.run())
    await eventually(lambda: len(scene.tables()["inbox"]) > 20)

    async with scene.client() as client:
        await client.jetstream().delete_stream(INBOUND)
    await loading
    await scene.load.run()

    assert await scene.problems() == []
    assert _lives(scene)[INBOUND] == 2


def _lives(scene: Scene) -> dict[str, int]:
    return {row["name"]: row["incarnation"] for row in scene.tables()["streams"]}
