"""Waits for the load of a scene to get on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.faults.scene import Scene

WITHIN_SECONDS = 60.0


async def calls_are_answered(scene: Scene, more: int = 60) -> None:
    """Wait until so many more lines were asked for and answered."""
    before = _answered(scene)
    await eventually(lambda: _answered(scene) >= before + more, WITHIN_SECONDS)


async def messages_are_stored(scene: Scene, more: int = 20) -> None:
    """Wait until the broker has acknowledged so many more messages."""
    wanted = len(scene.load.ledger.published) + more
    await eventually(lambda: len(scene.load.ledger.published) >= wanted, WITHIN_SECONDS)


async def messages_are_consumed(scene: Scene, more: int = 20) -> None:
    """Wait until so many more messages took effect."""
    wanted = scene.count("inbox") + more
    await eventually(lambda: scene.count("inbox") >= wanted, WITHIN_SECONDS)


def _answered(scene: Scene) -> int:
    return sum(line.told for line in scene.load.ledger.lines)
