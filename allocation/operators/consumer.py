"""The consumer of the inbound stream: how far it is, whether the database is with it, and having it begin again elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp
from stock.allocation.admin.v1 import admin_service_pb2 as messages

from allocation.adapters.jetstream.api import ask, instant
from allocation.adapters.jetstream.errors import CONSUMER_NOT_FOUND, STREAM_NOT_FOUND, RefusedError
from allocation.adapters.jetstream.streams import ack_floor
from allocation.adapters.sql.reader import SqlReader
from allocation.adapters.sql.sqlite import open_for_reading
from allocation.adapters.startup_error import StartupError
from allocation.connections import existing_database, inbound_configuration
from allocation.operators.broker import broker_urls, connected
from allocation.operators.mending import mending
from allocation.service_layer.records import KnownStream

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from allocation.adapters.jetstream.connection import BrokerConnection
    from allocation.settings import Settings

_NO_MESSAGE = 10037
_RESET_SECONDS = 30.0


class NoConsumerError(StartupError):
    """The stream, or its consumer, is not there."""


@dataclass(frozen=True)
class Unacknowledged:
    """A message of the inbound stream that has not been acknowledged."""

    sequence: int
    subject: str
    published_at: datetime


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be, what it means, and the command that mends it; "" if none does."""

    name: str
    meaning: str
    command: str


@dataclass(frozen=True)
class Progress:
    """How far the consumer is, by what the broker says.

    `acknowledged_through` is as far as that proves what was consumed: 0 where the broker's `ack_floor` does not.
    """

    stream: str
    consumer: str
    created_at: str
    first_sequence: int
    last_sequence: int
    delivered: int
    ack_floor: int
    acknowledged_through: int
    pending: int
    ack_pending: int
    redelivered: int
    waiting_pulls: int
    oldest: Unacknowledged | None


@dataclass(frozen=True)
class Status:
    """The consumer, what the database has consumed (None where there is nothing to look into), and what is amiss."""

    progress: Progress
    known: KnownStream | None
    looked_at: datetime
    findings: list[Finding] = field(default_factory=list)


async def status(settings: Settings) -> Status:
    """Look at the consumer and the database, whether a service runs or not.

    Raises:
        NoConsumerError: the broker has none.
        StartupError: there is no database, or it cannot be read.
        BrokerUnavailableError: the broker does not answer.

    """
    subjects = inbound_configuration(settings).subjects
    async with connected(settings) as connection:
        progress = await _progress(connection, settings, subjects)
        known = await _known(settings, progress)
        lost_before = 0
        if known is not None and known.is_behind(progress.acknowledged_through):
            again = await _next(connection, progress.stream, known.last_sequence + 1, subjects)
            lost_before = min(again.sequence if again else progress.last_sequence + 1, progress.acknowledged_through + 1)
    return Status(progress, known, datetime.now(UTC), findings(progress, known, lost_before))


def findings(progress: Progress, known: KnownStream | None, lost_before: int) -> list[Finding]:
    """Say where the database is behind what was acknowledged; of that, the stream holds nothing before `lost_before`."""
    if known is None or not known.is_behind(progress.acknowledged_through):
        return []
    first, floor = known.last_sequence + 1, progress.acknowledged_through
    found = []
    if first < lost_before:
        found.append(
            Finding(
                "lost",
                f"messages {first} to {lost_before - 1} were acknowledged, this database has not consumed them, and the stream "
                "holds them no more: have their publishers send them again, or restore a later copy of the database",
                "",
            )
        )
    if lost_before <= floor:
        found.append(
            Finding(
                "behind",
                f"messages {lost_before} to {floor} were acknowledged, and this database has not consumed them: it is an older "
                "copy, or another one; have them delivered again",
                f"allocation consumer reset --from-sequence {lost_before}",
            )
        )
    return found


async def reset(settings: Settings, start: int | datetime) -> int:
    """Have the stream delivered again from a place on, and answer how many messages are to come.

    Raises:
        StartupError: the state cannot be reached.
        BrokerUnavailableError: the broker does not answer.
        grpc.aio.AioRpcError: the service could not do it.

    """
    request = messages.ResetConsumerRequest()
    if isinstance(start, int):
        request.from_sequence = start
    else:
        from_time = Timestamp()
        from_time.FromDatetime(start)
        request.from_time.CopyFrom(from_time)
    # Made for this moment alone, the service has to find the broker where we have found it.
    found = settings.model_copy(update={"nats_urls": ",".join(broker_urls(settings))})
    async with mending(found, needs_broker=True) as stub:
        return (await stub.ResetConsumer(request, timeout=_RESET_SECONDS)).pending


async def _progress(connection: BrokerConnection, settings: Settings, subjects: Collection[str]) -> Progress:
    stream = await _stream(connection, settings.inbound_stream, subjects)
    name = stream["config"]["name"]
    consumer = await _found(connection, f"CONSUMER.INFO.{name}.{settings.inbound_consumer}", CONSUMER_NOT_FOUND)
    if consumer is None:
        raise NoConsumerError(
            f"stream {name} has no consumer {settings.inbound_consumer}: the service makes it when it starts; "
            "ALLOCATION_INBOUND_CONSUMER says its name"
        )
    floor, waits = consumer["ack_floor"]["stream_seq"], consumer["num_pending"] + consumer["num_ack_pending"]
    return Progress(
        stream=name,
        consumer=consumer["name"],
        created_at=stream["created"],
        first_sequence=stream["state"]["first_seq"],
        last_sequence=stream["state"]["last_seq"],
        delivered=consumer["delivered"]["stream_seq"],
        ack_floor=floor,
        acknowledged_through=ack_floor(stream, consumer, subjects),
        pending=consumer["num_pending"],
        ack_pending=consumer["num_ack_pending"],
        redelivered=consumer["num_redelivered"],
        waiting_pulls=consumer["num_waiting"],
        oldest=await _next(connection, name, floor + 1, subjects) if waits else None,
    )


async def _stream(connection: BrokerConnection, name: str, subjects: Collection[str]) -> dict[str, Any]:
    """Find the stream as the service does: by its name, or as the one that holds the subjects."""
    holders: list[str] = []
    for subject in subjects:
        holders += (await ask(connection, "STREAM.NAMES", {"subject": subject})).get("streams") or []
    for candidate in dict.fromkeys([name, *holders]):
        found = await _found(connection, f"STREAM.INFO.{candidate}", STREAM_NOT_FOUND)
        if found is not None:
            return found
    raise NoConsumerError(
        f"the broker has no stream {name}: the service makes it when it starts; ALLOCATION_INBOUND_STREAM says its name"
    )


async def _next(connection: BrokerConnection, stream: str, sequence: int, subjects: Collection[str]) -> Unacknowledged | None:
    """Find the first message of our subjects at a sequence or after it."""
    found = []
    for subject in subjects:
        question = {"seq": sequence, "next_by_subj": subject}
        try:
            message = (await ask(connection, f"STREAM.MSG.GET.{stream}", question))["message"]
        except RefusedError as refusal:
            if refusal.code != _NO_MESSAGE:
                raise
        else:
            found.append(Unacknowledged(message["seq"], message["subject"], instant(message["time"])))
    return min(found, key=lambda one: one.sequence, default=None)


async def _found(connection: BrokerConnection, question: str, absent: int) -> dict[str, Any] | None:
    try:
        return await ask(connection, question)
    except RefusedError as refusal:
        if refusal.code != absent:
            raise
        return None


async def _known(settings: Settings, progress: Progress) -> KnownStream | None:
    """Read how far the database has consumed this life of the stream; a store in memory cannot be looked at from here."""
    if settings.database_url.startswith("memory:"):
        return None
    async with open_for_reading(existing_database(settings)) as engine:
        known = await SqlReader(engine, settings.read_seconds_max).stream(progress.stream)
    if known is None or known.created_at != progress.created_at:
        # Of this life it has consumed nothing: the service counts it when it binds.
        return KnownStream(progress.stream, progress.created_at, 0 if known is None else known.incarnation + 1, 0)
    return known
