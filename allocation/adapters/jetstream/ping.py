"""Asks a client's server for a sign of life, around the ways in which nats-py breaks over that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from nats.aio.client import Client

log = structlog.get_logger()

# Longer than any connection stays silent: see below.
_ABANDONED_SECONDS = 3600


class Ping:
    """One ping at a time, never cancelled while its pong may come: nats-py's read loop would die of that pong.

    `Client.flush` would be no proof: with a dead read loop it succeeds without asking anybody.
    """

    def __init__(self) -> None:
        self._current: asyncio.Task[float] | None = None
        self._all: set[asyncio.Task[float]] = set()

    async def is_answered(self, client: Client, timeout_seconds: float) -> bool:
        """Whether the server answers in time. A late answer counts for the next call, which sends no second ping."""
        if self._current is None:
            self._current = asyncio.create_task(client.rtt(timeout=_ABANDONED_SECONDS))
            self._all.add(self._current)
            self._current.add_done_callback(self._ended)
        ping = self._current
        done, _ = await asyncio.wait({ping}, timeout=timeout_seconds)
        return bool(done) and not ping.cancelled() and ping.exception() is None

    def forget(self) -> None:
        """Wait no longer for a pong that went down with its connection."""
        self._current = None

    def cancel(self) -> None:
        """End all pings, when their client is closed."""
        self._current = None
        for ping in self._all:
            ping.cancel()

    def _ended(self, ping: asyncio.Task[float]) -> None:
        self._all.discard(ping)
        if self._current is ping:
            self._current = None
        if not ping.cancelled() and (error := ping.exception()):
            log.info("broker_ping_failed", error=repr(error))
