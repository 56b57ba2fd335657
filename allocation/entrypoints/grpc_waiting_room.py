"""Where calls wait that cannot be carried out yet: no more of them than can begin within half a second."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from allocation.service_layer.errors import QueueFullError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

AT_ONCE_MAX = 512
"""How many are carried out at a time: two groups of commands, one that commits and one that gathers."""
WAITING_SECONDS_MAX = 0.5
_NEWEST_WEIGHS = 0.01


class _Waiting(NamedTuple):
    turn: asyncio.Future[None]
    since: float


class WaitingRoom:
    """Lets calls through in the order in which they come, so many at a time, and refuses at once whoever would wait too long.

    How long a newcomer would wait follows from how many are before him, how many are carried out at a time, and how long one
    takes at present; and nobody comes in while the first of those who wait has waited for too long. A call whose request is not
    read yet does not count: it may never be read.
    """

    def __init__(self, *, at_once_max: int = AT_ONCE_MAX, waiting_seconds_max: float = WAITING_SECONDS_MAX) -> None:
        self._at_once_max = at_once_max
        self._waiting_seconds_max = waiting_seconds_max
        self._waiting: deque[_Waiting] = deque()
        self._under_way = 0
        self._seconds_each: float | None = None
        self._is_open = False

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place, and keep it in the block: from when the request was read until the answer is made, and no longer.

        A peer who is slow to send the one or to read the other keeps nobody waiting.

        Raises:
            QueueFullError: at once.

        """
        self.require_room()
        if self._is_open or self._under_way < self._at_once_max:
            self._under_way += 1
        else:
            await self._wait()
        began = _now()
        try:
            yield
        finally:
            taken = _now() - began
            before = taken if self._seconds_each is None else self._seconds_each
            self._seconds_each = before + (taken - before) * _NEWEST_WEIGHS
            self._leave()

    def require_room(self) -> None:
        """Raise QueueFullError if whoever comes now would wait for too long."""
        before = self._under_way + len(self._waiting)
        if self._is_open or before < self._at_once_max:
            return
        waiting_max = self._waiting_max()
        if before - self._at_once_max >= waiting_max:
            raise QueueFullError(waiting_max)
        if self._waiting and _now() - self._waiting[0].since > self._waiting_seconds_max:
            raise QueueFullError(len(self._waiting))

    def open(self) -> None:
        """Let everybody through from now on: whoever stands behind refuses them."""
        self._is_open = True
        self._let_in()

    async def _wait(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(turn, _now()))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        self._under_way -= 1
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and (self._is_open or self._under_way < self._at_once_max):
            turn = self._waiting.popleft().turn
            if not turn.done():
                self._under_way += 1
                turn.set_result(None)

    def _waiting_max(self) -> int:
        """As many as begin in time; never less than are carried out at a time, so that measuring goes on."""
        if not self._seconds_each:
            return self._at_once_max
        return max(self._at_once_max, int(self._waiting_seconds_max / self._seconds_each * self._at_once_max))


def _now() -> float:
    return asyncio.get_running_loop().time()
