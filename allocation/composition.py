"""Puts the parts of the service together over their adapters; nothing runs yet, and nothing is opened here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import uuid_utils

from allocation.contract.outward import encode_event
from allocation.entrypoints.admin_listener import AdminListener
from allocation.entrypoints.admin_server import AdminService, StreamNames
from allocation.entrypoints.continuation import Continuation
from allocation.entrypoints.grpc_listener import GrpcListener
from allocation.entrypoints.grpc_server import AllocationService
from allocation.entrypoints.nats_consumer import NatsConsumer
from allocation.entrypoints.outbox_relay import OutboxRelay
from allocation.entrypoints.retention import Ages, Retention
from allocation.lifecycle import Service
from allocation.service_layer.event_log import Recorder
from allocation.service_layer.group_commit import GroupCommit
from allocation.service_layer.messagebus import GroupOutcome, MessageBus

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from allocation.connections import Adapters
    from allocation.entrypoints.grpc_certificates import Certificates
    from allocation.lifecycle import CallersListener, Listener
    from allocation.settings import Settings


def utc_now() -> datetime:
    """Answer the present instant."""
    return datetime.now(UTC)


def new_uuid7() -> str:
    """Answer an identity that nobody else has; later ones sort after earlier ones."""
    return str(uuid_utils.uuid7())


@dataclass(frozen=True)
class Surroundings:
    """What the parts take from the machine that they run on: the time, identities, and ports to listen on."""

    clock: Callable[[], datetime] = utc_now
    new_id: Callable[[], str] = new_uuid7
    listener: Callable[[AllocationService, str, int, grpc.ServerCredentials | None], CallersListener] = GrpcListener
    admin_listener: Callable[[AdminService, int], Listener] = AdminListener


THIS_MACHINE = Surroundings()


def compose(
    adapters: Adapters,
    settings: Settings,
    certificates: Certificates | None = None,
    surroundings: Surroundings = THIS_MACHINE,
) -> Service:
    """Put the whole service together."""
    group_commit = group_commit_over(
        adapters,
        settings,
        lambda outcome: committed(outcome),  # noqa: PLW0108 - what is woken is made only after this
        surroundings,
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
        listener=surroundings.listener(
            AllocationService(group_commit, adapters.reader, surroundings.new_id),
            settings.grpc_host,
            settings.grpc_port,
            certificates.credentials() if certificates else None,
        ),
        admin=surroundings.admin_listener(
            admin_service_over(adapters, settings, group_commit, surroundings), settings.admin_port
        ),
        consumer=NatsConsumer(
            group_commit,
            adapters.inbound,
            surroundings.new_id,
            fetch_messages_max=settings.fetch_messages_max,
            unknown_wait_seconds=settings.unknown_wait_seconds,
            deliveries_max=settings.deliveries_max,
        ),
        relay=relay,
        continuation=continuation,
        broker_is_healthy=adapters.broker_is_healthy,
        shutdown_seconds=settings.shutdown_seconds,
        retention=retention_over(adapters, settings, group_commit, surroundings),
    )


def group_commit_over(
    adapters: Adapters,
    settings: Settings,
    committed: Callable[[GroupOutcome], None],
    surroundings: Surroundings = THIS_MACHINE,
) -> GroupCommit:
    """Make the one way in which commands are carried out."""
    recorder = Recorder(encode_event, surroundings.clock, surroundings.new_id)
    return GroupCommit(
        adapters.store,
        MessageBus(recorder, promises_per_transaction_max=settings.promises_per_transaction_max),
        committed,
        group_commands_max=settings.group_commands_max,
        waiting_commands_max=settings.waiting_commands_max,
    )


def retention_over(
    adapters: Adapters, settings: Settings, group_commit: GroupCommit, surroundings: Surroundings
) -> Retention | None:
    """Make what forgets old rows; none if nobody can say what the streams still hold."""
    if adapters.stream_states is None:
        return None
    ages = Ages(settings.inbox_retention_seconds, settings.log_retention_seconds, settings.parked_retention_seconds)
    return Retention(
        group_commit,
        adapters.reader,
        adapters.stream_states,
        ages,
        surroundings.clock,
        interval_seconds=settings.retention_interval_seconds,
    )


def admin_service_over(
    adapters: Adapters, settings: Settings, group_commit: GroupCommit, surroundings: Surroundings = THIS_MACHINE
) -> AdminService:
    """Make the operators' door."""
    names = StreamNames(settings.inbound_stream, settings.inbound_consumer, settings.event_stream)
    return AdminService(group_commit, adapters.reader, adapters.inbound, surroundings.new_id, names)
