"""The pulls that wait at a consumer: whose turn it is, their heartbeats, and how each of them ends."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.faults.simulation.jetstream.wire import NANOSECONDS, Wired, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.simulation.jetstream.wire import Send

_NOTHING_LEFT = status(404, "No Messages")
_EARLY_SECONDS = 1e-6
"""By which a timer may ring before its time, as floats round."""


@dataclass(slots=True, eq=False)
class Pull:
    """One request for `left` more messages."""

    reply: str
    left: int
    bytes_left: int
    one_shot: bool
    expires_at: float | None
    heartbeat_seconds: float
    heartbeat_at: float
    delivered: int = 0
    timer: asyncio.TimerHandle | None = None


class Pulls:
    """Waiting pulls, served in turn. `blocked` says whether messages are held back by the limit of unacknowledged ones."""

    def __init__(self, send: Send, blocked: Callable[[], bool], serve_soon: Callable[[], None]) -> None:
        self._send = send
        self._blocked = blocked
        self._serve_soon = serve_soon
        self._waiting: deque[Pull] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, reply: str, request: dict[str, Any], available: int) -> None:
        """Take up a request, unless it is one that does not wait in vain or out of turn."""
        no_wait, expires = bool(request.get("no_wait")), request.get("expires", 0) / NANOSECONDS
        heartbeat_seconds = request.get("idle_heartbeat", 0) / NANOSECONDS
        if heartbeat_seconds * 2 > expires:
            self._send(reply, Wired(reply, headers=status(400, "Bad Request - heartbeat value too large")))
            return
        if no_wait:
            if not available and not expires:
                self._send(reply, Wired(reply, headers=_NOTHING_LEFT))
                return
            if 0 < available < sum(pull.left for pull in self._waiting):
                self._send(reply, Wired(reply, headers=status(408, "Requests Pending")))
                return
        now = _now()
        pull = Pull(
            reply,
            request.get("batch", 1),
            request.get("max_bytes", 0),
            no_wait,
            now + expires if expires else None,
            heartbeat_seconds,
            now + heartbeat_seconds,
        )
        self._waiting.append(pull)
        self._wind(pull)
        self._serve_soon()

    def next(self) -> Pull | None:
        """Answer whose turn it is."""
        return self._waiting[0] if self._waiting else None

    def deliver(self, pull: Pull, message: Wired) -> None:
        """Send a message to the inbox of a pull; the next message is another's."""
        if not self._send(pull.reply, message):
            self._drop(pull)
            return
        pull.left -= 1
        pull.delivered += 1
        pull.heartbeat_at = _now() + pull.heartbeat_seconds
        self._waiting.rotate(-1)
        if not pull.left:
            self._drop(pull)

    def end_one_shots(self) -> None:
        """Tell those that do not wait, and have got something, that nothing is left."""
        for pull in [one for one in self._waiting if one.one_shot and one.delivered]:
            self._end(pull, _NOTHING_LEFT)

    def end(self, headers: dict[str, str]) -> None:
        """End all of them with a word."""
        for pull in list(self._waiting):
            self._end(pull, headers)

    def forget(self, inbox: str = "") -> None:
        """Drop all, or those of an inbox that nobody listens to any more."""
        for pull in [one for one in self._waiting if one.reply.startswith(inbox)]:
            self._drop(pull)

    def _end(self, pull: Pull, headers: dict[str, str]) -> None:
        self._drop(pull)
        self._send(pull.reply, Wired(pull.reply, headers=headers))

    def _drop(self, pull: Pull) -> None:
        if pull.timer is not None:
            pull.timer.cancel()
        self._waiting.remove(pull)

    def _wind(self, pull: Pull) -> None:
        times = [pull.expires_at] if pull.expires_at is not None else []
        if pull.heartbeat_seconds:
            times.append(pull.heartbeat_at)
        pull.timer = asyncio.get_running_loop().call_at(min(times), self._ring, pull) if times else None

    def _ring(self, pull: Pull) -> None:
        now = _now() + _EARLY_SECONDS
        if pull.expires_at is not None and now >= pull.expires_at:
            pending = {"Nats_Pending_Messages": str(pull.left), "Nats_Pending_Bytes": str(pull.bytes_left)}
            self._end(pull, status(408, "Request Timeout", **pending))
            return
        if now >= pull.heartbeat_at:
            if pull.one_shot and pull.delivered and self._blocked():
                self._end(pull, _NOTHING_LEFT)
                return
            if not self._send(pull.reply, Wired(pull.reply, headers=status(100, "Idle Heartbeat"))):
                self._drop(pull)
                return
            pull.heartbeat_at = now + pull.heartbeat_seconds
        self._wind(pull)


def _now() -> float:
    return asyncio.get_running_loop().time()
