"""How far the consumer of the inbound stream is, by what the broker says; nothing is created."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from allocation.adapters.jetstream.api import ask, instant
from allocation.adapters.jetstream.errors import CONSUMER_NOT_FOUND, MESSAGE_NOT_FOUND, STREAM_NOT_FOUND, RefusedError
from allocation.adapters.jetstream.streams import ack_floor
from allocation.adapters.startup_error import StartupError

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from typing import Any

    from allocation.adapters.jetstream.connection import BrokerConnection
    from allocation.settings import Settings


class NoConsumerError(StartupError):
    """The stream, or its consumer, is not there."""


@dataclass(frozen=True)
class Unacknowledged:
    """A message of the inbound stream that has not been acknowledged."""

    sequence: int
    subject: str
    published_at: datetime


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


async def progress_of(connection: BrokerConnection, settings: Settings, subjects: Collection[str]) -> Progress:
    """Ask how far the consumer of the settings is, on their stream or on the one that holds these subjects.

    Raises:
        NoConsumerError: the broker has no such stream, or no such consumer.
        BrokerUnavailableError: it does not answer.

    """
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
        oldest=await next_message(connection, name, floor + 1, subjects) if waits else None,
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


async def next_message(
    connection: BrokerConnection, stream: str, sequence: int, subjects: Collection[str]
) -> Unacknowledged | None:
    """Find the first message of our subjects at a sequence or after it."""
    found = []
    for subject in subjects:
        question = {"seq": sequence, "next_by_subj": subject}
        try:
            message = (await ask(connection, f"STREAM.MSG.GET.{stream}", question))["message"]
        except RefusedError as refusal:
            if refusal.code != MESSAGE_NOT_FOUND:
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
