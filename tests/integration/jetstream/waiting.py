"""Waits for a condition instead of for a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from allocation.service_layer.streams import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_POLL_SECONDS = 0.01

Result = TypeVar("Result")


async def eventually(condition: Callable[[], Awaitable[bool]], deadline_seconds: float = 15.0) -> None:
    """Return as soon as the condition holds; TimeoutError if it does not before the deadline."""
    async with asyncio.timeout(deadline_seconds):
        while not await condition():  # noqa: ASYNC110 -- the broker sets no event of ours
            await asyncio.sleep(_POLL_SECONDS)


async def once_available(action: Callable[[], Awaitable[Result]], deadline_seconds: float = 30.0) -> Result:
    """Repeat the action while the broker is unavailable, as the doors do, and answer what it answers at last."""
    async with asyncio.timeout(deadline_seconds):
        while True:
            try:
                return await action()
            except BrokerUnavailableError:
                await asyncio.sleep(_POLL_SECONDS)
