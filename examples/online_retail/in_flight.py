"""Many calls at once, with a limit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

Item = TypeVar("Item")


async def for_each(items: Iterable[Item], act: Callable[[Item], Awaitable[None]], in_flight_max: int) -> None:
    """Act on every item; they begin in their order. The first error ends all, and is raised."""
    queue = iter(items)

    async def work() -> None:
        for item in queue:
            if told_to_end():
                return
            await act(item)

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(in_flight_max):
                workers.create_task(work())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


def told_to_end() -> bool:
    """Answer whether this task was cancelled: asyncio.wait_for, by which nats-py waits, swallows it when it comes too late."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
