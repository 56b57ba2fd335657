"""Creates the streams where they are missing, attaches to them where they are not, and says what they are like."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from allocation.adapters.jetstream.api import ask, ask_if_there, instant, microseconds, stored_headers
from allocation.adapters.jetstream.comparison import (
    holds_others,
    is_held,
    require_apart,
    settle,
    stream_differences,
)
from allocation.adapters.jetstream.durable_consumer import ensured_consumer
from allocation.adapters.jetstream.errors import (
    MESSAGE_NOT_FOUND,
    STREAM_NAME_IN_USE,
    STREAM_NOT_FOUND,
    SUBJECTS_OVERLAP,
    RefusedError,
)
from allocation.contract.cloudevents import ID
from allocation.service_layer.streams import BrokerUnavailableError, StreamMismatchError, StreamState

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


async def ensure_inbound(
    connection: BrokerConnection, configuration: InboundConfiguration, *, adopt: bool
) -> tuple[StreamState, int]:
    """Create the stream and its durable consumer unless they are there already; answer how often the consumer delivered too.

    Raises as `ensure_stream`.
    """
    found = await _ensured_stream(connection, configuration, adopt=adopt)
    name = found["config"]["name"]
    consumer = await ensured_consumer(connection, name, configuration, adopt=adopt)
    # Asked once more: the consumer may be that of another life, into which the stream has come meanwhile.
    stream = await ask(connection, f"STREAM.INFO.{name}")
    if stream["created"] != found["created"]:
        raise BrokerUnavailableError(f"stream {name} was made anew while it was looked at")
    state = replace(_state(stream), ack_floor=ack_floor(stream, consumer, configuration.subjects))
    return state, consumer["delivered"]["consumer_seq"]


def ack_floor(stream: Mapping[str, Any], consumer: Mapping[str, Any], subjects: Collection[str]) -> int:
    """Answer up to which sequence all was acknowledged, by what JetStream says of both; 0 if none was, or if it does not say.

    A consumer that begins later has a floor before it has delivered anything, and in a stream that holds other subjects too
    the floor goes past messages that are not ours.
    """
    if holds_others(stream["config"], subjects) or consumer["delivered"]["consumer_seq"] == 0:
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
    require_apart(name, found["config"].get("subjects") or (), ours["subjects"], configuration.subjects_apart)
    settle(f"stream {name}", stream_differences(ours, found["config"], configuration.matters), adopt=adopt)
    return found


async def stored_at(connection: BrokerConnection, stream: str, sequence: int) -> int | None:
    """Answer when the message with a sequence was stored, as `InboundMessage.stored_at`; None: it is not there."""
    found = await _message_at(connection, stream, sequence)
    return None if found is None else microseconds(instant(found["time"]))


async def event_id_at(connection: BrokerConnection, stream: str, sequence: int) -> str | None:
    """Answer the ce-id of the message with a sequence; None: it is not there, or is none of ours."""
    found = await _message_at(connection, stream, sequence)
    return None if found is None else stored_headers(found).get(ID)


async def _message_at(connection: BrokerConnection, stream: str, sequence: int) -> dict[str, Any] | None:
    found = await ask_if_there(connection, f"STREAM.MSG.GET.{stream}", MESSAGE_NOT_FOUND, {"seq": sequence})
    return None if found is None else found["message"]


async def stream_state(connection: BrokerConnection, name: str) -> StreamState:
    """Ask what a stream is like now.

    Raises:
        BrokerUnavailableError: the broker is away, or the stream is gone.

    """
    return _state(await ask(connection, f"STREAM.INFO.{name}"))


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
    return await ask_if_there(connection, f"STREAM.INFO.{name}", STREAM_NOT_FOUND)


def _state(found: Mapping[str, Any]) -> StreamState:
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
