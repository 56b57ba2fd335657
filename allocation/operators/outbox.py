"""The way out: what waits in the outbox, how far the stream has got, and sending again what the stream has lost."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stock.allocation.admin.v1.admin_service_pb2 import DescribeRequest, ReEmitRequest

from allocation.adapters.sql.outbox_reader import OutboxReader
from allocation.adapters.sql.sqlite import open_for_reading
from allocation.operators.broker import connected
from allocation.operators.database import database_to_look_into
from allocation.operators.event_stream import event_stream_state
from allocation.operators.mending import mending
from allocation.operators.outbox_verification import IDS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from datetime import datetime

    from allocation.adapters.sql.outbox_reader import PublicEvent
    from allocation.operators.outbox_verification import Verification
    from allocation.service_layer.records import KnownStream
    from allocation.service_layer.streams import StreamState
    from allocation.settings import Settings

SENT_AT_ONCE = 1_000
_POLL_SECONDS = 0.1
_ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Status:
    """What waits to be published, how far the stream is known to go, and how far it goes; None: the broker was not asked."""

    waiting: int
    oldest: datetime | None
    known: KnownStream | None
    stream: StreamState | None = None


@dataclass(frozen=True)
class Sent:
    """How many events went into the outbox, and whether a service runs that publishes them."""

    queued: int
    is_served: bool


async def status(settings: Settings) -> Status:
    """Say what waits, by the database alone. Raises StartupError."""
    async with open_for_reading(database_to_look_into(settings)) as engine:
        reader = OutboxReader(engine)
        return Status(*await reader.waiting(), await reader.stream(settings.event_stream))


async def with_stream(settings: Settings, known: Status) -> Status:
    """Ask the broker, too. Raises BrokerUnavailableError, or NoStreamError."""
    async with connected(settings) as connection:
        stream = await event_stream_state(connection, settings)
    if stream.name == settings.event_stream:
        return Status(known.waiting, known.oldest, known.known, stream)
    async with open_for_reading(database_to_look_into(settings)) as engine:
        return Status(known.waiting, known.oldest, await OutboxReader(engine).stream(stream.name), stream)


async def absent(
    settings: Settings, verification: Verification, event_ids: Sequence[str] = ()
) -> AsyncGenerator[list[str], None]:
    """Go through the ids of what is missing, or of those named ones that are absent, in portions of a request."""
    async with open_for_reading(database_to_look_into(settings)) as engine:
        reader = OutboxReader(engine)
        portion: list[str] = []
        if event_ids:
            found = (await reader.by_ids(event_ids)).values()
            portion = [event.event_id for event in sorted(found) if verification.is_absent(event)]
            for begin in range(0, len(portion), SENT_AT_ONCE):
                yield portion[begin : begin + SENT_AT_ONCE]
            return
        async for event in reader.public_events(verification.waiting.through, verification.since):
            if verification.is_absent(event) and not verification.was_forgotten(event):
                portion.append(event.event_id)
            if len(portion) == SENT_AT_ONCE:
                yield portion
                portion = []
        if portion:
            yield portion


async def named(settings: Settings, event_ids: Sequence[str]) -> dict[str, PublicEvent]:
    """Find the public events of the log that have these ids."""
    async with open_for_reading(database_to_look_into(settings)) as engine:
        reader = OutboxReader(engine)
        found: dict[str, PublicEvent] = {}
        for begin in range(0, len(event_ids), IDS_AT_ONCE):
            found |= await reader.by_ids(event_ids[begin : begin + IDS_AT_ONCE])
        return found


async def re_emit(
    settings: Settings,
    portions: AsyncGenerator[list[str], None],
    wait_seconds: float,
    asking: Callable[[int], None],
    progressed: Callable[[int], None],
) -> Sent:
    """Put events into the outbox again; if a service runs, wait until it has published them, or for so long.

    `progressed` is told how many more are there; `asking` before that of how many more it is asked.

    Raises:
        StartupError: there is no database, or the service that uses it does not answer.
        TimeoutError: they are in the outbox, and were not published in time.

    """
    async with mending(settings) as stub, aclosing(portions):
        is_served = (await stub.Describe(DescribeRequest(), timeout=_ANSWER_SECONDS)).process_id != os.getpid()
        queued = 0
        sent: list[list[str]] = []
        async for portion in portions:
            asking(len(portion))
            queued += (await stub.ReEmit(ReEmitRequest(event_ids=portion), timeout=_ANSWER_SECONDS)).queued
            sent.append(portion)
            progressed(len(portion))
    if is_served:
        async with asyncio.timeout(wait_seconds), open_for_reading(database_to_look_into(settings)) as engine:
            reader = OutboxReader(engine)
            for portion in sent:
                for begin in range(0, len(portion), IDS_AT_ONCE):
                    while await reader.waiting_among(portion[begin : begin + IDS_AT_ONCE]):  # noqa: ASYNC110 - another process publishes them
                        await asyncio.sleep(_POLL_SECONDS)
    return Sent(queued, is_served)
