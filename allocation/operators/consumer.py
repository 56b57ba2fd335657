"""The consumer of the inbound stream: how far it is, whether the database is with it, and having it begin again elsewhere."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp
from stock.allocation.admin.v1 import admin_service_pb2 as messages

from allocation.adapters.jetstream.streams import stored_at
from allocation.adapters.sql.reader import SqlReader
from allocation.adapters.sql.sqlite import open_for_reading
from allocation.connections import inbound_configuration
from allocation.operators.broker import connected
from allocation.operators.consumer_progress import next_message, progress_of
from allocation.operators.database import database_to_look_into, is_in_memory
from allocation.operators.mending import mending
from allocation.service_layer.records import KnownStream
from allocation.service_layer.streams import BrokerUnavailableError

if TYPE_CHECKING:
    from allocation.operators.consumer_progress import Progress
    from allocation.settings import Settings

_RESET_SECONDS = 30.0


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be, what it means, and the command that mends it; "" if none does."""

    name: str
    meaning: str
    command: str


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
        progress = await progress_of(connection, settings, subjects)
        known = await _known(settings, progress)
        if known is not None and progress.last_sequence < known.last_sequence:
            # It may have been consumed since the stream was looked at: then the stream is further now.
            later = await progress_of(connection, settings, subjects)
            progress = replace(progress, last_sequence=later.last_sequence)
        lost_before, last_stored_at = 0, None
        if known is not None and known.last_stored_at is not None:
            with suppress(BrokerUnavailableError):  # Some may not ask: a user without STREAM.MSG.GET gets no answer.
                last_stored_at = await stored_at(connection, progress.stream, known.last_sequence)
        if known is not None and known.is_behind(progress.acknowledged_through):
            again = await next_message(connection, progress.stream, known.last_sequence + 1, subjects)
            lost_before = min(again.sequence if again else progress.last_sequence + 1, progress.acknowledged_through + 1)
    return Status(progress, known, datetime.now(UTC), findings(progress, known, lost_before, last_stored_at))


def findings(
    progress: Progress, known: KnownStream | None, lost_before: int, last_stored_at: int | None = None
) -> list[Finding]:
    """Say where one of both is an older copy; of what was acknowledged, the stream holds nothing before `lost_before`.

    `last_stored_at` is when the message was stored that the stream has where the database consumed its last.
    """
    if known is None:
        return []
    found = []
    if known.consumed_another(last_stored_at):
        found.append(
            Finding(
                "older_stream",
                f"message {known.last_sequence} of the stream is not the one that this database has consumed: the stream is an "
                f"older copy that has grown since; {after_an_older_stream('start the service, anew if it runs')}",
                "",
            )
        )
    if progress.last_sequence < known.last_sequence:
        found.append(
            Finding(
                "older_stream",
                f"the stream ends at {progress.last_sequence}, and this database has consumed through {known.last_sequence}: "
                f"the stream is an older copy; {after_an_older_stream('start the service, anew if it runs')}",
                "",
            )
        )
    if not known.is_behind(progress.acknowledged_through):
        return found
    first, floor = known.last_sequence + 1, progress.acknowledged_through
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


def after_an_older_stream(start: str) -> str:
    """Say what to do about an inbound stream that came back from an older copy; `start`: how the service is to be started."""
    return f"{start}: it finds the older copy then; have publishers send again what the stream lacks and was not consumed"


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
    async with mending(settings, needs_broker=True) as stub:
        return (await stub.ResetConsumer(request, timeout=_RESET_SECONDS)).pending


async def _known(settings: Settings, progress: Progress) -> KnownStream | None:
    """Read how far the database has consumed this life of the stream; a store in memory cannot be looked at from here."""
    if is_in_memory(settings):
        return None
    async with open_for_reading(database_to_look_into(settings)) as engine:
        known = await SqlReader(engine, settings.read_seconds_max).stream(progress.stream)
    if known is None or known.created_at != progress.created_at:
        # Of this life it has consumed nothing: the service counts it when it binds.
        return KnownStream(progress.stream, progress.created_at, 0 if known is None else known.incarnation + 1, 0)
    return known
