"""Waits for a condition instead of for a time."""

from __future__ import annotations

import asyncio
import time
from inspect import isawaitable
from typing import TYPE_CHECKING, TypeVar, cast, overload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

DEADLINE_SECONDS = 20.0
_POLL_SECONDS = 0.01
Result = TypeVar("Result")


@overload
async def eventually(condition: Callable[[], Awaitable[Result]], deadline_seconds: float = ...) -> Result: ...


@overload
async def eventually(condition: Callable[[], Result], deadline_seconds: float = ...) -> Result: ...


async def eventually(condition: Callable[[], Awaitable[Result] | Result], deadline_seconds: float = DEADLINE_SECONDS) -> Result:
    """Answer what the condition answers as soon as that is true; TimeoutError if it is not before the deadline."""
    async with asyncio.timeout(deadline_seconds):
        while True:
            answer = condition()
            result = cast("Result", await answer if isawaitable(answer) else answer)
            if result:
                return result
            await asyncio.sleep(_POLL_SECONDS)


def wait_until(condition: Callable[[], Result], deadline_seconds: float = DEADLINE_SECONDS) -> Result:
    """Do as `eventually` where no event loop runs."""
    deadline = time.monotonic() + deadline_seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(_POLL_SECONDS)
    return result
