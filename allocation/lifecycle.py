"""Starts the doors, and ends them in the order in which nothing that was begun is dropped."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog

from allocation.service_layer.store import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from allocation.entrypoints.continuation import Continuation
    from allocation.entrypoints.nats_consumer import NatsConsumer
    from allocation.entrypoints.outbox_relay import OutboxRelay
    from allocation.entrypoints.retention import Retention
    from allocation.service_layer.group_commit import GroupCommit
    from allocation.service_layer.views import Reader

log = structlog.get_logger()
_HEALTH_SECONDS = 1.0
_CANCEL_AGAIN_SECONDS = 0.5
_AT_LEAST_SECONDS, _CLOSING_SECONDS, _ENDING_SECONDS = 0.5, 2.0, 5.0


class Listener(Protocol):
    """A door that is called."""

    async def start(self) -> None:
        """Listen."""

    async def stop(self, grace_seconds: float) -> None:
        """Refuse new calls, and give those under way time to end."""

    async def ended(self) -> None:
        """Wait until nobody is listened to any more; raise what the door died of."""


class CallersListener(Listener, Protocol):
    """The door of callers, who are told too how the service does."""

    def tell_health(self, *, store: bool, broker: bool) -> None:
        """Say what can be reached."""


@dataclass
class Service:
    """The running whole: `run` serves until `stopping` is set, or until a part of it dies of a bug."""

    group_commit: GroupCommit
    reader: Reader
    listener: CallersListener
    admin: Listener
    consumer: NatsConsumer
    relay: OutboxRelay
    continuation: Continuation
    broker_is_healthy: Callable[[], bool]
    shutdown_seconds: float
    retention: Retention | None = None
    """None: nothing old is forgotten."""

    async def run(self, stopping: asyncio.Event, announce: Callable[[], None]) -> None:
        """Serve; `announce` is called once everything listens.

        Raises:
            Exception: what a part of it died of; the rest was shut down in order.

        """
        await self.listener.start()
        try:
            await self.admin.start()
        except BaseException:
            await self.listener.stop(0)  # Nobody would carry out what it takes.
            raise
        committing = self.group_commit.start()
        consuming = _task(self.consumer.run(), "nats-consumer")
        background = [
            _task(self.relay.run(), "outbox-relay"),
            _task(self.continuation.run(), "continuation"),
            *([_task(self.retention.run(), "retention")] if self.retention is not None else []),
            _task(self._watch_health(), "health"),
            _task(self.listener.ended(), "grpc-listener"),
            _task(self.admin.ended(), "admin-listener"),
        ]
        stop_asked = _task(stopping.wait(), "stop")
        parts = {committing, consuming, *background}
        try:
            announce()
            await asyncio.wait({stop_asked, *parts}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop_asked.cancel()
            await self._shut_down(committing, consuming, background)
        _raise_first(parts)

    async def _shut_down(
        self, committing: asyncio.Task[None], consuming: asyncio.Task[None], background: list[asyncio.Task[None]]
    ) -> None:
        """End in order. What takes long takes it from the time of what comes after; what must be done has time of its own."""
        log.info("shutting down")
        now = asyncio.get_running_loop().time
        deadline = now() + self.shutdown_seconds
        self.consumer.stop()
        closings = (self.listener.stop(self.shutdown_seconds), self.admin.stop(self.shutdown_seconds))
        for failed in await asyncio.gather(*closings, return_exceptions=True):
            if failed is not None:
                log.error("a door did not close in order", exc_info=failed)
        await asyncio.wait({consuming}, timeout=max(_AT_LEAST_SECONDS, deadline - now()))
        consuming.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(_AT_LEAST_SECONDS, deadline - now())):
                await self.relay.drain()
        await self._end({consuming, *background})
        with suppress(TimeoutError):
            async with asyncio.timeout(max(_CLOSING_SECONDS, deadline - now())):
                await self.group_commit.close()
        await self._end({committing})  # Else it would carry out what still waits on a store that is closed.

    async def _end(self, tasks: set[asyncio.Task[None]]) -> None:
        """Cancel until all have ended: Python 3.11's wait_for, by which nats-py waits, may swallow a cancellation."""
        now = asyncio.get_running_loop().time
        deadline = now() + _ENDING_SECONDS
        while tasks and now() < deadline:
            for task in tasks:
                task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=_CANCEL_AGAIN_SECONDS)
        if tasks:
            log.error("parts of the service do not end", parts=sorted(task.get_name() for task in tasks))

    async def _watch_health(self) -> None:
        while True:
            try:
                await self.reader.stream("")
                store = True
            except StoreUnavailableError as error:
                log.warning("store cannot be read", error=str(error))
                store = False
            self.listener.tell_health(store=store, broker=self.broker_is_healthy())
            await asyncio.sleep(_HEALTH_SECONDS)


def _task(work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
    return asyncio.create_task(work, name=name)


def _raise_first(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            log.critical("a part of the service died", part=task.get_name())
            raise error
