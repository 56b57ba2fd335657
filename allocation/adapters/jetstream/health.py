"""Whether the broker answers, for whoever follows it; how that is found out is the connection's business."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger()


class Health:
    """A flag that can be waited for. It begins as False; `listener` is called in the event loop with each change."""

    def __init__(self, listener: Callable[[bool], None] | None) -> None:
        self._listener = listener
        self._up, self._down = asyncio.Event(), asyncio.Event()
        self._down.set()

    @property
    def healthy(self) -> bool:
        """The present state."""
        return self._up.is_set()

    async def wait(self, *, healthy: bool, deadline_seconds: float) -> bool:
        """Wait until the state is `healthy`; answer whether it became so before the deadline."""
        try:
            async with asyncio.timeout(deadline_seconds):
                await (self._up if healthy else self._down).wait()
        except TimeoutError:
            return False
        return True

    def set(self, *, healthy: bool) -> None:
        """Change the state; a listener that raises is logged and changes nothing."""
        if healthy == self.healthy:
            return
        gone, come = (self._down, self._up) if healthy else (self._up, self._down)
        gone.clear()
        come.set()
        log.info("broker_health_changed", healthy=healthy)
        if self._listener is not None:
            try:
                self._listener(healthy)
            except Exception:
                log.exception("broker_health_listener_failed")
