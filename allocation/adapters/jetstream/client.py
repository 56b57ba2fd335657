"""How one nats-py client is opened and closed. Nothing here decides when: that is the connection's business."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import nats.errors
import structlog
from nats.aio.client import Client

from allocation.adapters.jetstream.errors import BrokerTooOldError
from allocation.service_layer.streams import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

log = structlog.get_logger()

Change = Literal["disconnected", "reconnected", "closed"]

# A connection that carries nothing any more is given up after 4 to 6 seconds: a broker may well pause for two or three. A ping
# is counted only when its turn comes, so that an event loop that was held up itself gives up nothing.
_PING_INTERVAL_SECONDS = 2
_PINGS_OUTSTANDING_MAX = 2
_RECONNECT_WAIT_SECONDS = 1
_CLOSE_DEADLINE_SECONDS = 3.0
_CUT_OFF_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Where the broker is and how to introduce ourselves.

    `user_credentials` is a file as the broker's tools write it. `connect_timeout_seconds` bounds all urls together.
    """

    urls: tuple[str, ...] = field(repr=False)
    name: str
    user_credentials: Path | None
    inbox_prefix: str
    connect_timeout_seconds: float
    server_version_min: tuple[int, int, int]


async def open_client(options: ClientOptions, notify: Callable[[Client, Change], None]) -> Client:
    """Connect, and from then on tell `notify` what becomes of the connection.

    Raises:
        BrokerUnavailableError: no url answered within the timeout, or none let us in.
        BrokerTooOldError: the broker answered, and its version is too old.

    """
    client = Client()
    try:
        async with asyncio.timeout(options.connect_timeout_seconds):
            await _connect(client, options, notify)
        require_version(client, options.server_version_min)
    except (nats.errors.Error, OSError, ValueError) as error:
        reason = str(client.last_error or error)  # Nothing at all for a timeout.
        await close_client(client)
        places = ", ".join(url.rpartition("://")[2].rpartition("@")[2] for url in options.urls)
        raise BrokerUnavailableError(f"no broker at {places}: {reason or 'it is silent'}") from error
    except BaseException:
        await close_client(client)
        raise
    return client


async def _connect(client: Client, options: ClientOptions, notify: Callable[[Client, Change], None]) -> None:
    def announce(change: Change) -> Callable[[], Awaitable[None]]:
        async def callback() -> None:
            try:
                notify(client, change)
            except Exception:
                # A callback that raises leaves nats-py reconnecting for ever.
                log.exception("broker_callback_failed", change=change)

        return callback

    reported = ""

    async def on_error(error: Exception) -> None:
        nonlocal reported
        text = f"{type(error).__name__}: {error}"
        if text != reported:  # An outage repeats the same error every second: one line of it is enough.
            reported = text
            log.warning("broker_client_error", error=text)

    await client.connect(
        servers=list(options.urls),
        name=options.name,
        user_credentials=options.user_credentials,
        inbox_prefix=options.inbox_prefix,
        error_cb=on_error,
        disconnected_cb=announce("disconnected"),
        reconnected_cb=announce("reconnected"),
        closed_cb=announce("closed"),
        connect_timeout=max(1, int(options.connect_timeout_seconds)),
        max_reconnect_attempts=-1,
        reconnect_time_wait=_RECONNECT_WAIT_SECONDS,
        ping_interval=_PING_INTERVAL_SECONDS,
        max_outstanding_pings=_PINGS_OUTSTANDING_MAX,
        pending_size=0,  # The default buffers while disconnected and stores an event again after the reconnect.
    )


def require_version(client: Client, version_min: tuple[int, int, int]) -> None:
    """Refuse a broker that is older than `version_min`.

    Raises:
        BrokerTooOldError: it is, or its version cannot be read.

    """
    version = client.connected_server_version
    try:
        found = (version.major, version.minor, version.patch)
    except ValueError as error:
        raise BrokerTooOldError(f"the broker's version cannot be read: {error}") from error
    if found < version_min:
        ours, theirs = (".".join(map(str, numbers)) for numbers in (version_min, found))
        raise BrokerTooOldError(f"nats-server {ours} or newer is needed, this one is {theirs}: older ones lose messages")


async def close_client(client: Client, deadline_seconds: float = _CLOSE_DEADLINE_SECONDS) -> None:
    """Close for good, sending what is still buffered; a peer that does not take it is cut off after the deadline."""
    closing = asyncio.ensure_future(client.close())
    try:
        # nats-py swallows cancellation in places, so the deadline is kept by waiting, not by cancelling.
        done, _ = await asyncio.wait({closing}, timeout=deadline_seconds)
        if not done:
            log.warning("broker_cut_off", deadline_seconds=deadline_seconds)
            _cut_off(client)
            done, _ = await asyncio.wait({closing}, timeout=_CUT_OFF_SECONDS)
    finally:
        closing.cancel()
    if done and not closing.cancelled() and (error := closing.exception()):
        log.warning("broker_close_failed", error=repr(error))


def _cut_off(client: Client) -> None:
    # nats-py waits for ever until a silent peer has taken what was written, and offers no other way out.
    transport = client._transport  # noqa: SLF001 -- see above
    writer = getattr(transport, "_io_writer", None)
    if writer is not None:
        writer.transport.abort()
