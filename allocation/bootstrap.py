"""The composition root: puts the parts together and runs them; with the connections, the only place that knows them all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import uuid_utils

from allocation.adapters.data_folder import DataFolder
from allocation.adapters.embedded_broker.broker import EmbeddedBroker
from allocation.adapters.sql.sqlite import open_sqlite
from allocation.adapters.startup_error import StartupError
from allocation.connections import DATABASE_FILE, on_jetstream, open_store
from allocation.contract.outward import encode_event
from allocation.entrypoints.continuation import Continuation
from allocation.entrypoints.grpc_certificates import CertificateFiles, Certificates
from allocation.entrypoints.grpc_listener import GrpcListener
from allocation.entrypoints.grpc_server import AllocationService
from allocation.entrypoints.nats_consumer import NatsConsumer
from allocation.entrypoints.outbox_relay import OutboxRelay
from allocation.entrypoints.redelivery import deliveries_within
from allocation.lifecycle import Service
from allocation.service_layer.event_log import Recorder
from allocation.service_layer.group_commit import GroupCommit
from allocation.service_layer.messagebus import GroupOutcome, MessageBus
from allocation.stopping import until_stopped

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from allocation.connections import Adapters
    from allocation.settings import Settings


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
    composed = composing(settings, replace_adapters)
    await until_stopped(lambda stopping, serves: _dev(settings, stopping, serves, composed, adopt=adopt), announce)


async def _dev(
    settings: Settings,
    stopping: asyncio.Event,
    announce: Callable[[], None],
    composed: Callable[[Adapters], Service],
    *,
    adopt: bool,
) -> None:
    with DataFolder(settings.data_folder) as folder:
        broker = EmbeddedBroker(folder, settings.nats_port)
        try:
            await broker.start()
            async with (
                open_sqlite(folder.path / DATABASE_FILE, read_seconds_max=settings.read_seconds_max) as (store, reader),
                on_jetstream(_fitted(settings, broker), [broker.url], store, reader, adopt=adopt) as adapters,
            ):
                await composed(adapters).run(stopping, announce)
        finally:
            await broker.stop()


async def run_serve(settings: Settings, announce: Callable[[], None], *, adopt: bool = False) -> None:
    """Run the service on the database and the brokers of the settings until it is told to stop."""
    composed = composing(settings)
    await until_stopped(lambda stopping, serves: _serve(settings, stopping, serves, composed, adopt=adopt), announce)


async def _serve(
    settings: Settings,
    stopping: asyncio.Event,
    announce: Callable[[], None],
    composed: Callable[[Adapters], Service],
    *,
    adopt: bool,
) -> None:
    urls = [url.strip() for url in settings.nats_urls.split(",")]
    async with (
        open_store(settings) as (store, reader),
        on_jetstream(settings, urls, store, reader, adopt=adopt) as adapters,
    ):
        await composed(adapters).run(stopping, announce)


def composing(
    settings: Settings, replace_adapters: Callable[[Adapters], Adapters] = unchanged
) -> Callable[[Adapters], Service]:
    """Check what can be checked before anything is opened, and answer how the service is made of its adapters."""
    check_deliveries(settings)
    certificates = read_certificates(settings)
    return lambda adapters: compose(replace_adapters(adapters), settings, certificates)


def read_certificates(settings: Settings) -> Certificates | None:
    """Read the certificates of the gRPC door before anything is opened; none: it has no TLS.

    Raises:
        CertificateError: saying which file cannot be used, and why.

    """
    if not settings.grpc_certificate_file:
        return None
    return Certificates(CertificateFiles(settings.grpc_certificate_file, settings.grpc_key_file, settings.grpc_client_ca_file))


def compose(adapters: Adapters, settings: Settings, certificates: Certificates | None = None) -> Service:
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
            AllocationService(group_commit, adapters.reader, _new_id),
            settings.grpc_host,
            settings.grpc_port,
            certificates.credentials() if certificates else None,
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


def _fitted(settings: Settings, broker: EmbeddedBroker) -> Settings:
    """Answer settings whose streams leave room for each other on a small disk: what a stream may hold is reserved for it."""
    tenth = broker.file_store_bytes_max // 10
    return settings.model_copy(
        update={
            "inbound_stream_bytes_max": min(settings.inbound_stream_bytes_max, tenth),
            "event_stream_bytes_max": min(settings.event_stream_bytes_max, 4 * tenth),
        }
    )


def check_deliveries(settings: Settings) -> None:
    """Refuse settings under which a message for an unknown batch would be parked before it has waited its time.

    Raises:
        StartupError: saying which of the two to change.

    """
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
