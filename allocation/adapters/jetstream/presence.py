"""Whether a broker can be where it is looked for, said at once: a client of NATS tries for seconds where nobody listens."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from allocation.service_layer.streams import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocation.adapters.jetstream.connection import BrokerConnection

_NATS_PORT = 4222
_CONNECT_SECONDS = 3.0


async def open_promptly(connection: BrokerConnection, urls: Sequence[str]) -> None:
    """Open a connection to one of these places, for somebody who sits and waits.

    Raises:
        BrokerUnavailableError: nobody is there, which is said at once; or the broker does not answer.
        BrokerTooOldError: there is one, and its version has known ways of losing messages.

    """
    if nobody := await nobody_listens(urls):
        raise BrokerUnavailableError(nobody)
    try:
        await connection.open()
    except BrokerUnavailableError as error:
        if not isinstance(error.__cause__, TimeoutError):
            raise
        places = ", ".join(f"{host}:{port}" for host, port in map(_place, urls))
        raise BrokerUnavailableError(
            f"no broker at {places}: something listens there, and does not answer in time as a broker does"
        ) from error


async def nobody_listens(urls: Sequence[str]) -> str:
    """Answer why no broker can be at any of these places; empty as soon as one may be. All are tried at once."""
    tries = [asyncio.create_task(_refusal(url)) for url in urls]
    try:
        for told in asyncio.as_completed(tries):
            if not await told:
                return ""
        return "no broker at " + ", ".join([await one for one in tries])
    finally:
        for one in tries:
            one.cancel()


async def _refusal(url: str) -> str:
    """Answer the place and why nothing can be connected to there, empty if something can."""
    try:
        host, port = _place(url)
    except ValueError:
        return ""  # What is no place at all is said best by who would connect to it.
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except OSError as refused:
        silent = f"it did not answer within {_CONNECT_SECONDS:g} s" if isinstance(refused, TimeoutError) else ""
        return f"{host}:{port}: {silent or refused.strerror or refused}"
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return ""


def _place(url: str) -> tuple[str, int]:
    place = urlsplit(url if "://" in url else f"nats://{url}")
    return place.hostname or "", place.port or _NATS_PORT
