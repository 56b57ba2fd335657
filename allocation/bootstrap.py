"""The composition root: the only place that knows every part and puts them together."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import uuid_utils
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from allocation.adapters.data_folder import DataFolder
from allocation.adapters.embedded_broker.broker import EmbeddedBroker
from allocation.adapters.jetstream.configuration import EventConfiguration, InboundConfiguration
from allocation.adapters.jetstream.connection import BrokerConnection
from allocation.adapters.jetstream.errors import BrokerTooOldError
from allocation.adapters.jetstream.events import JetStreamEvents
from allocation.adapters.jetstream.inbound import JetStreamInbound
from allocation.adapters.memory import MemoryStore
from allocation.adapters.sql.sqlite import open_sqlite
from allocation.adapters.startup_error import StartupError
from allocation.contract.inward import INBOUND_SUBJECTS
from allocation.contract.outward import OUTBOUND_SUBJECTS, encode_event
from allocation.entrypoints.continuation import Continuation
from allocation.entrypoints.grpc_listener import GrpcListener
from allocation.entrypoints.grpc_server import AllocationService
from allocation.entrypoints.nats_consumer import NatsConsumer
from allocation.entrypoints.outbox_relay import OutboxRelay
from allocation.entrypoints.redelivery import deliveries_within
from allocation.lifecycle import Service
from allocation.service_layer.event_log import Recorder
from allocation.service_layer.group_commit import GroupCommit
from allocation.service_layer.messagebus import GroupOutcome, MessageBus
from allocation.service_layer.streams import BrokerUnavailableError

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


def unchanged(adapters: Adapters) -> Adapters:
    """Take the adapters as they are."""
    return adapters


async def run_dev(
    settings: Settings,
    announce: Callable[[], None],
    *,
    adopt: bool = False,
    replace_adapters: Callable[[Adapters], Adapters] = unchanged,
) -> None:
    """Run the service with a broker of its own, on a data folder that nobody else uses, until it is told to stop."""
    with DataFolder(settings.data_folder) as folder:
        broker = EmbeddedBroker(folder, settings.nats_port)
        try:
            await broker.start()
            async with (
                open_sqlite(folder.path / DATABASE_FILE, read_seconds_max=settings.read_seconds_max) as (store, reader),
                _on_jetstream(_fitted(settings, broker), [broker.url], store, reader, adopt=adopt) as adapters,
            ):
                await run(replace_adapters(adapters), settings, announce)
        finally:
            await broker.stop()


async def run_serve(settings: Settings, announce: Callable[[], None], *, adopt: bool = False) -> None:
    """Run the service on the database and the brokers of the settings until it is told to stop."""
    urls = [url.strip() for url in settings.nats_urls.split(",")]
    async with (
        _open_store(settings) as (store, reader),
        _on_jetstream(settings, urls, store, reader, adopt=adopt) as adapters,
    ):
        await run(adapters, settings, announce)


async def run(adapters: Adapters, settings: Settings, announce: Callable[[], None]) -> None:
    """Compose the service from its adapters and run it until SIGINT or SIGTERM."""
    _check_deliveries(settings)
    service = compose(adapters, settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await service.run(stopping, announce)


def compose(adapters: Adapters, settings: Settings) -> Service:
    """Put the parts together; nothing runs yet."""
    bus = MessageBus(Recorder(encode_event, _now, _new_id), promises_per_transaction_max=settings.promises_per_transaction_max)
    group_commit = GroupCommit(
        adapters.store,
        bus,
        lambda outcome: committed(outcome),  # noqa: PLW0108 - what is woken is made only after this
        group_commands_max=settings.group_commands_max,
        waiting_commands_max=settings.waiting_commands_max,
    )
    relay = OutboxRelay(
        group_commit,
        adapters.reader,
        adapters.events,
        publish_events_max=settings.publish_events_max,
        poll_seconds=settings.poll_seconds,
    )
    continuation = Continuation(group_commit, adapters.reader, poll_seconds=settings.poll_seconds)

    def committed(outcome: GroupOutcome) -> None:
        if outcome.has_public_events:
            relay.wake()
        if outcome.leaves_unfinished:
            continuation.wake()

    return Service(
        group_commit=group_commit,
        reader=adapters.reader,
        listener=GrpcListener(
            AllocationService(group_commit, adapters.reader, _new_id), settings.grpc_host, settings.grpc_port
        ),
        consumer=NatsConsumer(
            group_commit,
            adapters.inbound,
            _new_id,
            fetch_messages_max=settings.fetch_messages_max,
            unknown_wait_seconds=settings.unknown_wait_seconds,
            deliveries_max=settings.deliveries_max,
        ),
        relay=relay,
        continuation=continuation,
        broker_is_healthy=adapters.broker_is_healthy,
        shutdown_seconds=settings.shutdown_seconds,
    )


@asynccontextmanager
async def _open_store(settings: Settings) -> AsyncIterator[tuple[Store, Reader]]:
    try:
        url = make_url(settings.database_url or "sqlite:")
    except ArgumentError as error:
        raise StartupError(f"ALLOCATION_DATABASE_URL cannot be read: {error}") from None
    match url.drivername:
        case "memory":
            memory = MemoryStore()
            yield memory, memory
        case "sqlite" | "sqlite+aiosqlite":
            path = Path(url.database or f"{settings.data_folder}/{DATABASE_FILE}")
            with DataFolder(path.parent):
                async with open_sqlite(path, read_seconds_max=settings.read_seconds_max) as opened:
                    yield opened
        case other:
            raise StartupError(f"ALLOCATION_DATABASE_URL begins with {other!r}: this release has sqlite:///… and memory:")


@asynccontextmanager
async def _on_jetstream(
    settings: Settings, urls: list[str], store: Store, reader: Reader, *, adopt: bool
) -> AsyncIterator[Adapters]:
    credentials = Path(settings.nats_credentials_file) if settings.nats_credentials_file else None
    connection = BrokerConnection(urls, user_credentials=credentials)
    inbound = JetStreamInbound(connection, _inbound_configuration(settings), adopt=adopt)
    events = JetStreamEvents(connection, _event_configuration(settings), source=settings.event_source, adopt=adopt)
    try:
        try:
            await connection.open()
            await inbound.bind()
            await events.bind()
        except BrokerTooOldError:
            raise
        except BrokerUnavailableError as error:
            log.warning("the broker does not serve us yet; tried again while RPCs are served", error=str(error))
        yield Adapters(store, reader, inbound, events, lambda: connection.healthy)
    finally:
        await inbound.close()
        await connection.close()


def _inbound_configuration(settings: Settings) -> InboundConfiguration:
    return InboundConfiguration(
        INBOUND_SUBJECTS,
        settings.inbound_stream,
        settings.inbound_consumer,
        settings.stream_replicas,
        settings.inbound_stream_bytes_max,
    )


def _event_configuration(settings: Settings) -> EventConfiguration:
    return EventConfiguration(
        OUTBOUND_SUBJECTS, settings.event_stream, settings.stream_replicas, settings.event_stream_bytes_max
    )


def _fitted(settings: Settings, broker: EmbeddedBroker) -> Settings:
    """Answer settings whose streams leave room for each other on a small disk: what a stream may hold is reserved for it."""
    tenth = broker.file_store_bytes_max // 10
    return settings.model_copy(
        update={
            "inbound_stream_bytes_max": min(settings.inbound_stream_bytes_max, tenth),
            "event_stream_bytes_max": min(settings.event_stream_bytes_max, 4 * tenth),
        }
    )


def _check_deliveries(settings: Settings) -> None:
    needed = deliveries_within(settings.unknown_wait_seconds)
    if settings.deliveries_max <= needed:
        raise StartupError(
            f"ALLOCATION_DELIVERIES_MAX={settings.deliveries_max} must be above {needed}, the deliveries that fit into "
            f"ALLOCATION_UNKNOWN_WAIT_SECONDS={settings.unknown_wait_seconds:g}"
        )


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return str(uuid_utils.uuid7())
