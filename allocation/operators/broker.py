"""How operators' tools find the broker: by ALLOCATION_NATS_URLS as `serve` does, or on the port of the broker of `dev`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from allocation.adapters.jetstream.connection import BrokerConnection
from allocation.adapters.jetstream.errors import BrokerTooOldError
from allocation.connections import urls_of
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
    connection = BrokerConnection(
        broker_urls(settings),
        name="allocation-operator",
        user_credentials=credentials,
        connect_timeout_seconds=_CONNECT_SECONDS,
    )
    try:
        try:
            await connection.open()
        except BrokerTooOldError:
            raise
        except BrokerUnavailableError as error:
            raise BrokerUnavailableError(f"{error}; {_where_else(settings)}") from error
        yield connection
    finally:
        await connection.close()


def broker_urls(settings: Settings) -> list[str]:
    """List where the broker is: at ALLOCATION_NATS_URLS if it was set, else on the port of `dev`.

    Left alone, both are the same place. A port that was set alone is that of `dev`: whoever listens where ALLOCATION_NATS_URLS
    points by default is then somebody else.
    """
    if "nats_urls" in settings.model_fields_set:
        return urls_of(settings)
    return [f"nats://127.0.0.1:{settings.nats_port}"]


def _where_else(settings: Settings) -> str:
    if "nats_urls" in settings.model_fields_set:
        return "ALLOCATION_NATS_URLS says where it is"
    return "the broker of `dev` runs while the service does; another one is found by ALLOCATION_NATS_URLS"
