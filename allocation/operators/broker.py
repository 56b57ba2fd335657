"""How operators' tools find the broker: by ALLOCATION_NATS_URLS as `serve` does, or on the port of the broker of `dev`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from allocation.adapters.jetstream.connection import BrokerConnection
from allocation.adapters.jetstream.errors import BrokerTooOldError
from allocation.adapters.jetstream.presence import open_promptly
from allocation.connections import broker_urls
from allocation.service_layer.streams import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from allocation.settings import Settings

_CONNECT_SECONDS = 2.0
"""Somebody sits and waits: a broker that does not answer by then is away."""


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[BrokerConnection]:
    """Connect to the broker of the settings, and disconnect at the end.

    Raises:
        BrokerUnavailableError: no broker answers; the text says where it was looked for, and which setting says otherwise.
        BrokerTooOldError: there is one, and its version has known ways of losing messages.

    """
    credentials = Path(settings.nats_credentials_file) if settings.nats_credentials_file else None
    urls = broker_urls(settings)
    connection = BrokerConnection(
        urls,
        name="allocation-operator",
        user_credentials=credentials,
        connect_timeout_seconds=_CONNECT_SECONDS,
    )
    try:
        try:
            await open_promptly(connection, urls)
        except BrokerTooOldError:
            raise
        except BrokerUnavailableError as error:
            raise BrokerUnavailableError(f"{error}; {_where_else(settings)}") from error
        yield connection
    finally:
        await connection.close()


def _where_else(settings: Settings) -> str:
    if "nats_urls" in settings.model_fields_set:
        return "ALLOCATION_NATS_URLS says where it is"
    return "the broker of `dev` runs while the service does; another one is found by ALLOCATION_NATS_URLS"
