"""Repeats what a broker that is away made fail."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from allocation.service_layer.streams import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_POLL_SECONDS = 0.01

Result = TypeVar("Result")


async def once_available(action: Callable[[], Awaitable[Result]], deadline_seconds: float = 30.0) -> Result:
    """Repeat the action while the broker is unavailable, as the doors do, and answer what it answers at last."""
    async with asyncio.timeout(deadline_seconds):
        while True:
            try:
                return await action()
            except BrokerUnavailableError:
                await asyncio.sleep(_POLL_SECONDS)
