"""Calls whose request is still to come. A peer may begin as many as gRPC lets him and send none, and each holds some 17 kB.

So there are only so many of them, and at the end of the service nobody waits for them. Streams of requests do not count.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

UNREAD_MAX = 4_096
"""The streams of 64 connections."""
UNREAD_SECONDS = 1.0
"""The request of a caller who sends it at once is read after milliseconds, in a crowd after tenths of a second."""


class UnreadCalls:
    """Ends the oldest when they are more than `unread_max`, once they have waited for `unread_seconds`."""

    def __init__(self, unread_max: int = UNREAD_MAX, unread_seconds: float = UNREAD_SECONDS) -> None:
        self._unread_max, self._unread_seconds = unread_max, unread_seconds
        self._waiting: dict[Callable[[], None], float] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def begin(self, end: Callable[[], None]) -> Context:
        """Count a call that `end` would end; answer the context in which it is to be carried out."""
        now = asyncio.get_running_loop().time()
        self._waiting[end] = now
        while len(self._waiting) > self._unread_max:
            oldest, since = next(iter(self._waiting.items()))
            if now - since < self._unread_seconds:
                break
            self._end(oldest)
        context = copy_context()
        context.run(_OF_THIS_CALL.set, (self, end))
        return context

    def forget(self, end: Callable[[], None]) -> bool:
        """Count a call no more: its request was read, or it is over. False: it was ended before."""
        return self._waiting.pop(end, None) is not None

    def end_all(self) -> None:
        """End all of them."""
        for end in list(self._waiting):
            self._end(end)

    def _end(self, end: Callable[[], None]) -> None:
        del self._waiting[end]
        end()


_OF_THIS_CALL: ContextVar[tuple[UnreadCalls, Callable[[], None]] | None] = ContextVar("of_this_call", default=None)


def request_is_read() -> None:
    """Say it of the call in whose task this is.

    Raises:
        CancelledError: it was ended in this moment, and its caller told that nothing was done.

    """
    if found := _OF_THIS_CALL.get():
        calls, end = found
        if not calls.forget(end):
            raise asyncio.CancelledError
