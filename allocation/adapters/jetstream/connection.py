"""The one connection to the broker, and the task that keeps it alive. What is said over it is the other files' business."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from allocation.adapters.jetstream.client import ClientOptions, close_client, open_client, require_version
from allocation.adapters.jetstream.errors import BrokerTooOldError
from allocation.adapters.jetstream.health import Health
from allocation.adapters.jetstream.ping import Ping
from allocation.service_layer.streams import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nats.aio.client import Client

    from allocation.adapters.jetstream.client import Change

log = structlog.get_logger()

SERVER_VERSION_MIN = (2, 15, 1)


class BrokerConnection:
    """Owns the nats-py client: opens it, judges its health, replaces it when it stays sick.

    Health is a ping that was answered, since a nats-py client whose read loop died still calls itself connected. A ping is
    sent every `check_interval_seconds`; after `rebuild_after_seconds` without an answer a new client is made.
    `on_health` is called with each change, in the event loop; it must not block.
    """

    def __init__(  # noqa: PLR0913 -- settings, each a keyword with its default
        self,
        urls: Sequence[str],
        *,
        name: str = "allocation",
        user_credentials: Path | None = None,
        inbox_prefix: str = "_INBOX.allocation",
        connect_timeout_seconds: float = 5.0,
        request_timeout_seconds: float = 5.0,
        check_interval_seconds: float = 2.0,
        rebuild_after_seconds: float = 10.0,
        server_version_min: tuple[int, int, int] = SERVER_VERSION_MIN,
        on_health: Callable[[bool], None] | None = None,
    ) -> None:
        self.request_timeout_seconds = request_timeout_seconds
        self._options = ClientOptions(
            urls=tuple(urls),
            name=name,
            user_credentials=user_credentials,
            inbox_prefix=inbox_prefix,
            connect_timeout_seconds=connect_timeout_seconds,
            server_version_min=server_version_min,
        )
        self._check_interval_seconds = check_interval_seconds
        self._rebuild_after_seconds = rebuild_after_seconds
        self._client: Client | None = None
        self._rebuilds = 0
        self._too_old = ""
        self._closing = False
        self._supervisor: asyncio.Task[None] | None = None
        self._ping = Ping()
        self._nudge = asyncio.Event()
        self._health = Health(on_health)
        self._answered_at = time.monotonic()

    async def open(self) -> None:
        """Connect, and keep connecting in the background until `close`, also when this first attempt fails.

        Raises:
            BrokerUnavailableError: no broker within the connect timeout; a later attempt may succeed.
            BrokerTooOldError: there is one, and its version has known ways of losing messages.

        """
        try:
            self._client = await self._open_client()
            self._answer_came()
        finally:
            self._supervisor = asyncio.create_task(self._supervise(), name="broker-connection")

    async def close(self, deadline_seconds: float = 5.0) -> None:
        """Send what is buffered, the last acks among it, and disconnect for good.

        The deadline holds for each of two steps: ending the supervisor and closing the client.
        """
        self._closing = True  # nats-py swallows a cancellation now and then.
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait({self._supervisor}, timeout=deadline_seconds)
        client, self._client = self._client, None
        if client is not None:
            await close_client(client, deadline_seconds)
        self._ping.cancel()
        self._health.set(healthy=False)

    @property
    def number(self) -> tuple[int, int]:
        """Which connection this is: another one after every reconnect, and after every rebuild."""
        return self._rebuilds, 0 if self._client is None else self._client.stats["reconnects"]

    @property
    def healthy(self) -> bool:
        """Whether the last ping was answered in time."""
        return self._health.healthy

    async def wait_for_health(self, *, healthy: bool, deadline_seconds: float) -> bool:
        """Wait until `healthy` is so; answer whether it became so before the deadline."""
        return await self._health.wait(healthy=healthy, deadline_seconds=deadline_seconds)

    def client(self) -> Client:
        """Answer the connected client; another one after a rebuild.

        Raises:
            BrokerUnavailableError: not connected at this moment.
            BrokerTooOldError: connected to a server that is too old.

        """
        if self._too_old:
            raise BrokerTooOldError(self._too_old)
        if self._client is None or not self._client.is_connected:
            raise BrokerUnavailableError("not connected to the broker")
        return self._client

    async def _supervise(self) -> None:
        while not self._closing:
            self._nudge.clear()
            try:
                silent_seconds = time.monotonic() - self._answered_at
                lost = self._client is None or self._client.is_closed
                if lost or silent_seconds > self._rebuild_after_seconds:
                    await self._rebuild()
                await self._check()
            except BrokerUnavailableError as error:
                log.warning("broker_away", reason=str(error))
            except Exception:
                log.exception("broker_supervisor_failed")  # It must outlive its own bugs: nobody else reconnects.
            try:
                async with asyncio.timeout(self._check_interval_seconds):
                    await self._nudge.wait()
            except TimeoutError:
                continue

    async def _rebuild(self) -> None:
        """Swap in a new client; when none can be had the old one stays, since it may come back by itself."""
        self._answered_at = time.monotonic()  # The next attempt has to wait its time, too.
        new = await self._open_client()
        if self._closing:
            await close_client(new)
            return
        old, self._client = self._client, new
        self._rebuilds += 1
        log.info("broker_client_rebuilt", replaced=old is not None)
        if old is not None:
            await close_client(old)
        self._ping.cancel()

    async def _open_client(self) -> Client:
        try:
            return await open_client(self._options, self._changed)
        except BrokerTooOldError as error:
            self._too_old = str(error)
            raise

    async def _check(self) -> None:
        client = self._client
        if client is None or not client.is_connected:
            self._health.set(healthy=False)
            return
        if not await self._ping.is_answered(client, self._check_interval_seconds):
            self._health.set(healthy=False)
            return
        try:
            require_version(client, self._options.server_version_min)
        except BrokerTooOldError as error:
            self._too_old = str(error)
            self._health.set(healthy=False)
            raise
        self._answer_came()

    def _changed(self, client: Client, change: Change) -> None:
        if client is not self._client:
            return
        log.info("broker_connection_changed", change=change)
        if change == "reconnected":
            self._ping.forget()
        else:
            self._health.set(healthy=False)
        self._nudge.set()

    def _answer_came(self) -> None:
        self._answered_at = time.monotonic()
        self._too_old = ""
        self._health.set(healthy=True)
