"""Creates the streams and the consumer where they are missing, and attaches to them where they are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

import structlog

from allocation.adapters.jetstream.api import ask, instant
from allocation.adapters.jetstream.comparison import consumer_differences, is_held, settle, stream_differences
from allocation.adapters.jetstream.errors import (
    CONSUMER_NAME_IN_USE,
    CONSUMER_NOT_FOUND,
    STREAM_NAME_IN_USE,
    STREAM_NOT_FOUND,
    SUBJECTS_OVERLAP,
    RefusedError,
)
from allocation.service_layer.streams import StreamMismatchError, StreamState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from allocation.adapters.jetstream.configuration import EventConfiguration, InboundConfiguration
    from allocation.adapters.jetstream.connection import BrokerConnection

log = structlog.get_logger()


async def ensure_stream(
    connection: BrokerConnection, configuration: InboundConfiguration | EventConfiguration, *, adopt: bool
) -> StreamState:
    """Create the stream unless it, or another that holds all of its subjects, is there already.

    Raises:
        BrokerUnavailableError: the broker is away, or has no room for it.
        StreamMismatchError: it exists otherwise, or its subjects are spread over other streams.

    """
    return _state(await _ensured_stream(connection, configuration, adopt=adopt))


async def ensure_inbound(connection: BrokerConnection, configuration: InboundConfiguration, *, adopt: bool) -> StreamState:
    """Create the stream and its durable consumer unless they are there already. Raises as `ensure_stream`."""
    stream = await _ensured_stream(connection, configuration, adopt=adopt)
    consumer = await _ensured_consumer(connection, stream["config"]["name"], configuration, adopt=adopt)
    return replace(_state(stream), ack_floor=ack_floor(stream, consumer, configuration.subjects))


def ack_floor(stream: Mapping[str, Any], consumer: Mapping[str, Any], subjects: Collection[str]) -> int:
    """Answer up to which sequence all was acknowledged, by what JetStream says of both; 0 if none was, or if it does not say.

    A consumer that begins later has a floor before it has delivered anything, and in a stream that holds other subjects too
    the floor goes past messages that are not ours.
    """
    is_shared = any(subject not in subjects for subject in stream["config"].get("subjects") or ())
    if is_shared or consumer["delivered"]["consumer_seq"] == 0:
        return 0
    floor: int = consumer["ack_floor"]["stream_seq"]
    return floor


async def _ensured_stream(
    connection: BrokerConnection, configuration: InboundConfiguration | EventConfiguration, *, adopt: bool
) -> dict[str, Any]:
    ours = configuration.stream()
    found = await _stream(connection, configuration.name)
    if found is None:
        found = await _create_stream(connection, ours)
    name = found["config"]["name"]
    settle(f"stream {name}", stream_differences(ours, found["config"], configuration.matters), adopt=adopt)
    return found


async def stream_state(connection: BrokerConnection, name: str) -> StreamState:
    """Ask what a stream is like now.

    Raises:
        BrokerUnavailableError: the broker is away, or the stream is gone.

    """
    return _state(await ask(connection, f"STREAM.INFO.{name}"))


async def _ensured_consumer(
    connection: BrokerConnection, stream: str, configuration: InboundConfiguration, *, adopt: bool
) -> dict[str, Any]:
    ours = configuration.consumer()
    name = configuration.consumer_name
    found = await _found(connection, f"CONSUMER.INFO.{stream}.{name}", CONSUMER_NOT_FOUND)
    if found is None:
        try:
            found = await ask(
                connection,
                f"CONSUMER.CREATE.{stream}.{name}",
                {"stream_name": stream, "config": ours, "action": "create"},
            )
            log.info("consumer_created", stream=stream, consumer=name)
        except RefusedError as refusal:
            if refusal.code != CONSUMER_NAME_IN_USE:
                raise
            # Another instance was faster.
            found = await ask(connection, f"CONSUMER.INFO.{stream}.{name}")
    settle(f"consumer {name} of stream {stream}", consumer_differences(ours, found["config"]), adopt=adopt)
    return found


async def replace_consumer(
    connection: BrokerConnection, stream: str, configuration: InboundConfiguration, start: int | datetime
) -> int:
    """Delete the durable consumer and make it anew from a sequence or an instant on; answer how many messages wait for it.

    Raises:
        BrokerUnavailableError: the broker is away.

    """
    name = configuration.consumer_name
    if await _found(connection, f"CONSUMER.INFO.{stream}.{name}", CONSUMER_NOT_FOUND) is not None:
        await ask(connection, f"CONSUMER.DELETE.{stream}.{name}")
    answer = await ask(
        connection,
        f"CONSUMER.CREATE.{stream}.{name}",
        {"stream_name": stream, "config": configuration.consumer() | _beginning(start), "action": "create"},
    )
    pending: int = answer["num_pending"]
    log.info("consumer_replaced", stream=stream, consumer=name, start=str(start), pending=pending)
    return pending


def _beginning(start: int | datetime) -> dict[str, Any]:
    if isinstance(start, int):
        return {"deliver_policy": "by_start_sequence", "opt_start_seq": start}
    return {"deliver_policy": "by_start_time", "opt_start_time": start.astimezone(UTC).isoformat()}


async def _create_stream(connection: BrokerConnection, ours: dict[str, Any]) -> dict[str, Any]:
    name = ours["name"]
    try:
        created = await ask(connection, f"STREAM.CREATE.{name}", ours)
    except RefusedError as refusal:
        if refusal.code == SUBJECTS_OVERLAP:
            name = await _holder(connection, ours)
            log.warning("stream_bound_to_holder", stream=name, wanted=ours["name"], subjects=ours["subjects"])
        elif refusal.code != STREAM_NAME_IN_USE:  # Else another instance was faster, with settings of its own.
            raise
        return await ask(connection, f"STREAM.INFO.{name}")
    log.info("stream_created", stream=name, created_at=created["created"])
    return created


async def _holder(connection: BrokerConnection, ours: dict[str, Any]) -> str:
    """Find the one stream that holds all our subjects."""
    lines = []
    names: set[str] = set()
    for subject in ours["subjects"]:
        answer = await ask(connection, "STREAM.NAMES", {"subject": subject})
        holders = answer.get("streams") or []
        lines.append(f"  {subject}: held by {' '.join(holders) or 'none'}")
        names.update(holders)
    for name in sorted(names):
        found = await ask(connection, f"STREAM.INFO.{name}")
        if all(is_held(subject, found["config"].get("subjects") or []) for subject in ours["subjects"]):
            return name
    raise StreamMismatchError(
        "\n".join([f"stream {ours['name']} cannot be made, other streams hold some of its subjects:", *lines])
    )


async def _stream(connection: BrokerConnection, name: str) -> dict[str, Any] | None:
    return await _found(connection, f"STREAM.INFO.{name}", STREAM_NOT_FOUND)


async def _found(connection: BrokerConnection, question: str, absent: int) -> dict[str, Any] | None:
    try:
        return await ask(connection, question)
    except RefusedError as refusal:
        if refusal.code != absent:
            raise
        return None


def _state(found: dict[str, Any]) -> StreamState:
    state = found["state"]
    return StreamState(
        name=found["config"]["name"],
        created_at=found["created"],
        last_sequence=state["last_seq"],
        first_sequence=state.get("first_seq", 0),
        holds_since=_holds_since(found),
    )


def _holds_since(found: Mapping[str, Any]) -> datetime | None:
    """Answer when the oldest message was stored, of an empty stream the present instant: by the broker's clock, as it says."""
    said = found["state"].get("first_ts") if found["state"].get("messages") else found.get("ts")
    return None if said is None else instant(said)
