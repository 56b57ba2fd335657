"""Where calls wait that were taken in and cannot begin yet: no more of them than can begin within half a second."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from allocation.service_layer.errors import QueueFullError

if TYPE_CHECKING:
    from collections.abc import Callable

Call = TypeVar("Call")

AT_ONCE_MAX = 512
"""How many are under way at a time: two groups of commands, one that commits and one that gathers."""
WAITING_SECONDS_MAX = 0.5
_NEWEST_WEIGHS = 0.01


class WaitingRoom(Generic[Call]):
    """Begins calls in the order in which they come, so many at a time, and refuses at once whoever would wait too long.

    `begin` answers the task that carries a call out. How long a newcomer would wait follows
    from how many wait before him, how many are under way at a time, and how long one takes at present.
    """

    def __init__(
        self,
        begin: Callable[[Call], asyncio.Task[None]],
        *,
        at_once_max: int = AT_ONCE_MAX,
        waiting_seconds_max: float = WAITING_SECONDS_MAX,
    ) -> None:
        self._begin = begin
        self._at_once_max = at_once_max
        self._waiting_seconds_max = waiting_seconds_max
        self._waiting: deque[Call] = deque()
        self._under_way = 0
        self._seconds_each = 0.0
        self._is_open = False

    def enter(self, call: Call) -> None:
        """Begin it, or let it wait. Raises QueueFullError if too many wait already, or for too long."""
        if self._is_open or self._under_way < self._at_once_max:
            self._begin_now(call)
        elif len(self._waiting) < (waiting_max := self._waiting_max()):
            self._waiting.append(call)
        else:
            raise QueueFullError(waiting_max)

    def open(self) -> None:
        """Let everybody through from now on: whoever stands behind refuses them."""
        self._is_open = True
        while self._waiting:
            self._begin_now(self._waiting.popleft())

    def _waiting_max(self) -> int:
        """As many as begin in time; never less than are under way, so that measuring goes on."""
        if self._seconds_each <= 0:
            return self._at_once_max
        return max(self._at_once_max, int(self._waiting_seconds_max / self._seconds_each * self._at_once_max))

    def _begin_now(self, call: Call) -> None:
        now = asyncio.get_running_loop().time
        began = now()
        self._under_way += 1

        def ended(_: asyncio.Task[None]) -> None:
            self._under_way -= 1
            self._seconds_each += (now() - began - self._seconds_each) * _NEWEST_WEIGHS
            if self._waiting and self._under_way < self._at_once_max:
                self._begin_now(self._waiting.popleft())

        self._begin(call).add_done_callback(ended)
