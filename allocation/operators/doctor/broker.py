"""What the broker says of itself, of both streams and of the consumer; nothing is created or changed."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from allocation.adapters.embedded_broker.files import BrokerFiles
from allocation.adapters.jetstream.api import ask, instant
from allocation.adapters.jetstream.errors import CONSUMER_NOT_FOUND, MESSAGE_NOT_FOUND, STREAM_NOT_FOUND, RefusedError
from allocation.connections import event_configuration, inbound_configuration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from allocation.adapters.jetstream.configuration import EventConfiguration, InboundConfiguration
    from allocation.adapters.jetstream.connection import BrokerConnection
    from allocation.settings import Settings

_MONITOR_PORT = 8222
_MONITOR_SECONDS = 1.0


@dataclass
class Broker:
    """The answers, as JetStream gives them; None for what is not there."""

    version: str
    cluster: str
    inbound: dict[str, Any] | None
    events: dict[str, Any] | None
    consumer: dict[str, Any] | None
    oldest_unacknowledged: datetime | None
    clock_offset_seconds: float
    """How far the broker's clock is ahead of ours, as far as the way there and back lets us know."""
    syncs_always: bool | None
    """None: it cannot be seen from here."""
    sync_source: str
    is_embedded: bool
    last_consumed_stored_at: int | None = None
    """When the message was stored that the inbound stream has where the database consumed its last: microseconds since 1970."""
    last_published_event_id: str | None = None
    """The ce-id of the event that the event stream has where the service published its last."""
    not_answered: str = ""
    """Why these two could not be asked."""


async def look_at_broker(connection: BrokerConnection, settings: Settings, folder: Path | None) -> Broker:
    """Ask all that is to be judged. Raises BrokerUnavailableError."""
    offset = await _clock_offset(connection)
    inbound = await _stream(connection, inbound_configuration(settings))
    consumer = await _consumer(connection, inbound, settings.inbound_consumer)
    greeting: Mapping[str, Any] = connection.client()._server_info  # noqa: SLF001 - nats-py shows only the version of it
    embedded = _embedded_configuration(folder, greeting)
    syncs, source = _syncs(embedded) if embedded is not None else await asyncio.to_thread(_syncs_by_monitor, greeting)
    return Broker(
        version=str(greeting.get("version", "")),
        cluster=str(greeting.get("cluster", "")),
        inbound=inbound,
        events=await _stream(connection, event_configuration(settings)),
        consumer=consumer,
        oldest_unacknowledged=await _oldest_unacknowledged(connection, inbound, consumer),
        clock_offset_seconds=offset,
        syncs_always=syncs,
        sync_source=source,
        is_embedded=embedded is not None,
    )


async def _clock_offset(connection: BrokerConnection) -> float:
    """Compare the clocks by an answer that carries the broker's: those about a stream do, whichever it is."""
    names = (await ask(connection, "STREAM.NAMES")).get("streams")
    if not names:
        return 0.0
    began, at = time.monotonic(), datetime.now(UTC)
    said = (await ask(connection, f"STREAM.INFO.{names[0]}")).get("ts")
    taken = time.monotonic() - began
    if said is None:
        return 0.0
    offset = (instant(said) - at - timedelta(seconds=taken / 2)).total_seconds()
    return 0.0 if abs(offset) <= taken / 2 else offset


async def _stream(
    connection: BrokerConnection, configuration: InboundConfiguration | EventConfiguration
) -> dict[str, Any] | None:
    """Ask about the stream of the settings, or else about the one that holds its first subject."""
    named = await ask(connection, "STREAM.NAMES", {"subject": configuration.subjects[0]})
    for name in (configuration.name, *(named.get("streams") or [])):
        try:
            return await ask(connection, f"STREAM.INFO.{name}")
        except RefusedError as refusal:
            if refusal.code != STREAM_NOT_FOUND:
                raise
    return None


async def _consumer(connection: BrokerConnection, stream: dict[str, Any] | None, name: str) -> dict[str, Any] | None:
    if stream is None:
        return None
    try:
        return await ask(connection, f"CONSUMER.INFO.{stream['config']['name']}.{name}")
    except RefusedError as refusal:
        if refusal.code != CONSUMER_NOT_FOUND:
            raise
    return None


async def _oldest_unacknowledged(
    connection: BrokerConnection, stream: dict[str, Any] | None, consumer: dict[str, Any] | None
) -> datetime | None:
    if stream is None or consumer is None or not consumer["num_pending"] + consumer["num_ack_pending"]:
        return None
    question = {"seq": consumer["ack_floor"]["stream_seq"] + 1, "next_by_subj": ">"}
    try:
        answer = await ask(connection, f"STREAM.MSG.GET.{stream['config']['name']}", question)
    except RefusedError as refusal:
        if refusal.code != MESSAGE_NOT_FOUND:
            raise
        return None
    return instant(answer["message"]["time"])


def _embedded_configuration(folder: Path | None, greeting: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read the configuration of the broker that `dev` runs on this folder, if that is the one that answers."""
    if folder is None:
        return None
    with suppress(OSError, ValueError):
        configuration: dict[str, Any] = json.loads(BrokerFiles(folder.resolve()).configuration.read_text(encoding="utf-8"))
        if configuration.get("server_name") == greeting.get("server_name"):
            return configuration
    return None


def _syncs(configuration: Mapping[str, Any]) -> tuple[bool, str]:
    return configuration.get("jetstream", {}).get("sync_interval") == "always", "by its configuration file"


def _syncs_by_monitor(greeting: Mapping[str, Any]) -> tuple[bool | None, str]:
    """Ask the monitoring port, which may be on another host, and may be of another server."""
    host = greeting.get("host", "")
    address = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # noqa: S104 - asked, not listened on
    url = f"http://{address}:{_MONITOR_PORT}/varz"
    with suppress(OSError, ValueError):
        with urllib.request.urlopen(url, timeout=_MONITOR_SECONDS) as answer:
            said = json.load(answer)
        if said.get("server_id") == greeting.get("server_id"):
            return bool(said.get("jetstream", {}).get("config", {}).get("sync_always")), f"by {url}"
    return None, f"nothing of this broker answers at {url}"
