"""Opens the outside world that the settings name, and closes it again; which store it is, is one match statement."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from allocation.adapters.data_folder import DataFolder
from allocation.adapters.jetstream.configuration import EventConfiguration, InboundConfiguration
from allocation.adapters.jetstream.connection import BrokerConnection
from allocation.adapters.jetstream.errors import BrokerTooOldError
from allocation.adapters.jetstream.events import JetStreamEvents
from allocation.adapters.jetstream.inbound import JetStreamInbound
from allocation.adapters.jetstream.presence import open_promptly
from allocation.adapters.memory import MemoryStore
from allocation.adapters.sql.sqlite import open_sqlite
from allocation.adapters.startup_error import StartupError
from allocation.contract.inward import INBOUND_SUBJECTS
from allocation.contract.outward import OUTBOUND_SUBJECTS
from allocation.service_layer.streams import BrokerUnavailableError, StreamStates

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from allocation.service_layer.store import Store
    from allocation.service_layer.streams import EventStream, InboundStream
    from allocation.service_layer.views import Reader
    from allocation.settings import Settings

log = structlog.get_logger()
DATABASE_FILE = "allocation.sqlite3"


@dataclass(frozen=True)
class Adapters:
    """The outside world behind its ports. Whoever runs the service may put others in their place."""

    store: Store
    reader: Reader
    inbound: InboundStream
    events: EventStream
    broker_is_healthy: Callable[[], bool]
    stream_states: StreamStates | None = None
    """None: nobody can say what the streams still hold, and nothing old is forgotten."""


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[tuple[Store, Reader]]:
    """Open the store of the database URL."""
    url = settings.database_url
    match url.partition(":")[0]:
        case "memory":
            memory = MemoryStore()
            yield memory, memory
        case "" | "sqlite" | "sqlite+aiosqlite":
            path = database_path(settings)
            with DataFolder(path.parent):
                async with open_sqlite(path, read_seconds_max=settings.read_seconds_max) as opened:
                    yield opened
        case other:
            raise StartupError(f"ALLOCATION_DATABASE_URL begins with {other!r}: this release has sqlite:///… and memory:")


def database_path(settings: Settings) -> Path:
    """Answer where the SQLite file is, or is to be: in its folder's own name, whatever links lead there.

    Raises:
        StartupError: the settings name no file, or links that lead nowhere.

    """
    url = settings.database_url
    named = Path(_database_of(url) if url else f"{settings.data_folder}/{DATABASE_FILE}")
    try:
        return named.parent.resolve() / named.name
    except (OSError, RuntimeError) as error:
        raise StartupError(f"the folder of the database {named} cannot be found: {error}") from error


def existing_database(settings: Settings) -> Path:
    """Answer where the SQLite file is.

    Raises:
        StartupError: there is none.

    """
    path = database_path(settings)
    if not path.is_file():
        raise StartupError(
            f"there is no database {path}; set ALLOCATION_DATA_FOLDER or ALLOCATION_DATABASE_URL as the service has it"
        )
    return path


def _database_of(url: str) -> str:
    try:
        database = make_url(url).database
    except ArgumentError:
        database = None
    if database in (None, "", ":memory:"):
        raise StartupError("ALLOCATION_DATABASE_URL names no file: write sqlite:///folder/file or sqlite:////folder/file")
    return str(database)


@asynccontextmanager
async def on_jetstream(
    settings: Settings, urls: list[str], store: Store, reader: Reader, *, adopt: bool
) -> AsyncIterator[Adapters]:
    """Connect to the brokers and attach to the streams; if they are away, that goes on in the background.

    Raises:
        BrokerTooOldError: the broker's version has known ways of losing messages.
        StreamMismatchError: a stream or consumer exists with settings that matter otherwise.

    """
    async with _unconnected(settings, urls, store, reader, adopt=adopt) as (connection, adapters):
        try:
            await connection.open()
            await adapters.inbound.bind()
            await adapters.events.bind()
        except BrokerTooOldError:
            raise
        except BrokerUnavailableError as error:
            log.warning("the broker does not serve us yet; tried again while RPCs are served", error=str(error))
        yield adapters


@asynccontextmanager
async def beside_jetstream(settings: Settings, store: Store, reader: Reader, *, connects: bool) -> AsyncIterator[Adapters]:
    """Make the same adapters without touching any stream, connected to the brokers or not.

    Raises:
        BrokerUnavailableError: it is to connect, and no broker answers.

    """
    urls = broker_urls(settings)
    async with _unconnected(settings, urls, store, reader, adopt=True) as (connection, adapters):
        if connects:
            await open_promptly(connection, urls)
        yield adapters


def urls_of(settings: Settings) -> list[str]:
    """List the brokers that `serve` connects to."""
    return [url.strip() for url in settings.nats_urls.split(",")]


def broker_urls(settings: Settings) -> list[str]:
    """List where the broker of a service is that others run: at ALLOCATION_NATS_URLS if it was set, else on the port of `dev`.

    Left alone, both are the same place. A port that was set alone is that of `dev`: whoever listens where ALLOCATION_NATS_URLS
    points by default is then somebody else.
    """
    if "nats_urls" in settings.model_fields_set:
        return urls_of(settings)
    return [f"nats://127.0.0.1:{settings.nats_port}"]


@asynccontextmanager
async def _unconnected(
    settings: Settings, urls: list[str], store: Store, reader: Reader, *, adopt: bool
) -> AsyncIterator[tuple[BrokerConnection, Adapters]]:
    credentials = Path(settings.nats_credentials_file) if settings.nats_credentials_file else None
    connection = BrokerConnection(urls, user_credentials=credentials)
    inbound = JetStreamInbound(connection, inbound_configuration(settings), adopt=adopt)
    events = JetStreamEvents(connection, event_configuration(settings), source=settings.event_source, adopt=adopt)
    try:
        states = StreamStates(inbound.state, events.state)
        yield connection, Adapters(store, reader, inbound, events, lambda: connection.healthy, states)
    finally:
        await inbound.close()
        await connection.close()


def inbound_configuration(settings: Settings) -> InboundConfiguration:
    """Say what the inbound stream and its consumer should be like."""
    return InboundConfiguration(
        INBOUND_SUBJECTS,
        settings.inbound_stream,
        settings.inbound_consumer,
        settings.stream_replicas,
        settings.inbound_stream_bytes_max,
        subjects_apart=OUTBOUND_SUBJECTS,
    )


def event_configuration(settings: Settings) -> EventConfiguration:
    """Say what the event stream should be like."""
    return EventConfiguration(
        OUTBOUND_SUBJECTS,
        settings.event_stream,
        settings.stream_replicas,
        settings.event_stream_bytes_max,
        subjects_apart=INBOUND_SUBJECTS,
    )
