"""An event loop on a clock of its own: it never waits, it moves the clock to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from contextvars import Context
    from typing import Any

Result = TypeVar("Result")


class DeadlockError(Exception):
    """Everybody waits for somebody else, and no timer will ever ring."""


class _NeverWaits(selectors.SelectSelector):
    """A selector without news from outside; what asyncio would wait, passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise DeadlockError(f"after {self.now:g} virtual seconds nothing is scheduled any more")
        if timeout > 0:
            self.now += timeout
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` is virtual seconds since it was made. Nothing in it may block or use a thread.

    `tasks_made` is told of every task; what goes wrong where nobody looks is told to `unhandled`.
    """

    def __init__(self, unhandled: Callable[[str], None], tasks_made: Callable[[asyncio.Task[Any]], None]) -> None:
        self._clock = _NeverWaits()
        super().__init__(self._clock)
        self._tasks_made = tasks_made
        self.set_task_factory(self._make_task)
        self.set_exception_handler(lambda _, context: unhandled(_shown(context)))

    def time(self) -> float:
        """Answer the virtual time."""
        return self._clock.now

    def _make_task(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[Any, Any, Result] | Generator[Any, None, Result],
        context: Context | None = None,
    ) -> asyncio.Task[Result]:
        task: asyncio.Task[Result] = asyncio.Task(work, loop=loop, context=context)
        self._tasks_made(task)
        return task


def _shown(context: dict[str, Any]) -> str:
    error = context.get("exception")
    return f"{context['message']}: {error!r}" if error is not None else str(context["message"])
