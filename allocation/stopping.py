"""How the process is told to stop: by SIGINT or SIGTERM, at any time of its life, and heard once."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def until_stopped(
    work: Callable[[asyncio.Event, Callable[[], None]], Coroutine[Any, Any, None]], announce: Callable[[], None]
) -> None:
    """Do the work until a signal: one that still starts is cancelled, one that has announced that it serves is asked to end.

    Later signals change nothing, and from the end on they are ignored, so that none falls between this and the process's end.
    """
    stopping, serves = asyncio.Event(), asyncio.Event()

    def announced() -> None:
        serves.set()
        announce()

    working = asyncio.ensure_future(work(stopping, announced))

    def stop() -> None:
        if not stopping.is_set() and not serves.is_set():
            working.cancel()
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        # Not loop.add_signal_handler: a loop that closes puts Python's own handlers back.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    try:
        with suppress(asyncio.CancelledError):
            await working
    finally:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
