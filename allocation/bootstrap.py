"""The composition root: puts the parts together and runs them; with the connections, the only place that knows them all."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from allocation.adapters.data_folder import DataFolder
from allocation.adapters.embedded_broker.broker import EmbeddedBroker
from allocation.adapters.sql.sqlite import open_sqlite
from allocation.adapters.startup_error import StartupError
from allocation.composition import admin_service_over, compose, group_commit_over
from allocation.connections import DATABASE_FILE, beside_jetstream, on_jetstream, open_store, urls_of
from allocation.entrypoints.admin_listener import AdminListener
from allocation.entrypoints.grpc_certificates import CertificateFiles, Certificates
from allocation.entrypoints.redelivery import deliveries_within
from allocation.stopping import until_stopped

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable

    from allocation.connections import Adapters
    from allocation.lifecycle import Service
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
    async with (
        open_store(settings) as (store, reader),
        on_jetstream(settings, urls_of(settings), store, reader, adopt=adopt) as adapters,
    ):
        await composed(adapters).run(stopping, announce)


@asynccontextmanager
async def admin_alone(settings: Settings, *, needs_broker: bool) -> AsyncIterator[str]:
    """Run the operators' door without the others, on a state that no service uses; answer its address.

    Raises:
        StartupError: a service runs on it, or it cannot be opened.
        BrokerUnavailableError: the broker is needed and does not answer.

    """
    async with (
        open_store(settings) as (store, reader),
        beside_jetstream(settings, store, reader, connects=needs_broker) as adapters,
    ):
        group_commit = group_commit_over(adapters, settings, lambda _: None)
        admin = AdminListener(admin_service_over(adapters, settings, group_commit), port=0)
        await admin.start()
        group_commit.start()
        try:
            yield admin.address
        finally:
            await admin.stop(settings.shutdown_seconds)
            await group_commit.close()


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
