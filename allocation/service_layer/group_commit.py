"""Group commit: while one group of commands commits, the next gathers. No timer; a lone command never waits."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from allocation.service_layer.errors import QueueFullError, ShuttingDownError
from allocation.service_layer.group_executor import GroupExecutor, Waiting, fail

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocation.service_layer.envelope import Envelope
    from allocation.service_layer.messagebus import GroupOutcome, MessageBus
    from allocation.service_layer.store import Store

WAITING_SECONDS_MAX = 1.0
_NEWEST_WEIGHS = 0.2
"""How much the newest group counts in what a group takes: one slow commit does not turn callers away, five do."""


class GroupCommit:
    """Takes commands from every door, carries them out in groups, and answers each after its group is durable.

    `group_commands_max` bounds a group, `waiting_commands_max` the queue. A caller who would have to wait for longer than
    `waiting_seconds_max`, as groups go at present, is refused too: a long queue in front of a slow store helps nobody.
    `committed` is called after each commit.
    """

    def __init__(  # noqa: PLR0913 - the parts it is made of, and its limits by keyword
        self,
        store: Store,
        bus: MessageBus,
        committed: Callable[[GroupOutcome], None],
        *,
        group_commands_max: int,
        waiting_commands_max: int,
        waiting_seconds_max: float = WAITING_SECONDS_MAX,
    ) -> None:
        self._executor = GroupExecutor(store, bus, committed)
        self._group_commands_max = group_commands_max
        self._waiting_commands_max = waiting_commands_max
        self._waiting_seconds_max = waiting_seconds_max
        self._group_seconds = 0.0
        self._queue: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Condition()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Begin to serve; the task ends after `close`, or of a bug."""
        self._task = asyncio.create_task(self._serve(), name="group-commit")
        return self._task

    async def submit(self, envelope: Envelope, *, alone: bool = False) -> Any:  # noqa: ANN401 - each command has an answer of its own type
        """Carry out a command and answer it when its effects are durable. `alone`: in a group of its own.

        A caller that is cancelled before its command began was never there; later it cancels nothing.

        Raises:
            Rejection: it could not be carried out; durable like an answer.
            QueueFullError: at once, if too many commands wait already, or for too long.
            ShuttingDownError: at once, after `close` was called.
            StoreUnavailableError: the store is away; nothing happened.
            OutcomeUnknownError: the store did not say whether it committed.
            CrashedError: it met a bug, and changed nothing.

        """
        if len(self._queue) >= (callers_max := self._callers_max()) and not self._closing:
            raise QueueFullError(callers_max)
        return await self._enqueue(envelope, alone=alone)

    async def enqueue(self, envelope: Envelope, *, alone: bool = False) -> asyncio.Future[Any]:
        """Do as `submit`, but wait for room in the queue, and answer the answer to wait for.

        So commands enqueued one after the other are carried out in that order. These doors hold their own back, so no time
        is too long for them: callers who are many do not keep them out.
        """
        async with self._room:
            await self._room.wait_for(lambda: self._has_room() or self._closing)
            return self._enqueue(envelope, alone=alone)

    async def close(self) -> None:
        """Take no more commands, and carry out all that wait."""
        self._closing = True
        self._arrived.set()
        async with self._room:
            self._room.notify_all()
        if self._task is not None:
            await asyncio.wait({self._task})

    def _has_room(self) -> bool:
        return len(self._queue) < self._waiting_commands_max

    def _callers_max(self) -> int:
        """How many may wait if the last of them is to begin in time; never less than a group, so that measuring goes on."""
        if self._group_seconds <= 0:
            return self._waiting_commands_max
        in_time = int(self._waiting_seconds_max / self._group_seconds * self._group_commands_max)
        return min(self._waiting_commands_max, max(in_time, self._group_commands_max))

    def _enqueue(self, envelope: Envelope, *, alone: bool) -> asyncio.Future[Any]:
        if self._closing:
            raise ShuttingDownError
        waiting = Waiting(envelope, alone)
        self._queue.append(waiting)
        self._arrived.set()
        return waiting.answer

    async def _serve(self) -> None:
        try:
            await self._serve_until_closed()
        finally:
            self._closing = True
            fail(self._queue, ShuttingDownError())
            async with self._room:
                self._room.notify_all()

    async def _serve_until_closed(self) -> None:
        while True:
            await self._arrived.wait()
            group = self._gather()
            async with self._room:
                self._room.notify_all()
            if group:
                began = asyncio.get_running_loop().time()
                await self._executor.carry_out(group)
                taken = asyncio.get_running_loop().time() - began
                self._group_seconds += (taken - self._group_seconds) * _NEWEST_WEIGHS
            elif self._closing:
                return

    def _gather(self) -> list[Waiting]:
        group: list[Waiting] = []
        while self._queue and len(group) < self._group_commands_max:
            if self._queue[0].answer.cancelled():
                self._queue.popleft()
                continue
            if group and (self._queue[0].alone or group[0].alone):
                break
            group.append(self._queue.popleft())
        if not self._queue and not self._closing:
            self._arrived.clear()
        return group
