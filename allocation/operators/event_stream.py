"""The event stream for those who only look: found as the service finds it, and never created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.adapters.jetstream.api import ask
from allocation.adapters.jetstream.configuration import EventConfiguration
from allocation.adapters.jetstream.errors import STREAM_NOT_FOUND, RefusedError
from allocation.adapters.jetstream.events import JetStreamEvents
from allocation.adapters.jetstream.streams import stream_state
from allocation.adapters.startup_error import StartupError
from allocation.contract.outward import OUTBOUND_SUBJECTS

if TYPE_CHECKING:
    from allocation.adapters.jetstream.connection import BrokerConnection
    from allocation.service_layer.streams import StreamState
    from allocation.settings import Settings


class NoStreamError(StartupError):
    """The broker has no event stream."""


async def event_stream_state(connection: BrokerConnection, settings: Settings) -> StreamState:
    """Ask what the event stream is like: that of the settings, or the one that holds its subjects.

    Raises:
        NoStreamError: there is none.
        BrokerUnavailableError: the broker does not answer.

    """
    names = [settings.event_stream, *await _holders(connection)]
    for name in names:
        try:
            return await stream_state(connection, name)
        except RefusedError as refusal:
            if refusal.code != STREAM_NOT_FOUND:
                raise
    raise NoStreamError(
        f"the broker has no stream {settings.event_stream}: it was never there, or deleted. A service that runs makes it anew, "
        "empty; then: allocation outbox verify"
    )


async def reading(connection: BrokerConnection, name: str) -> JetStreamEvents:
    """Attach to a stream that is there."""
    events = JetStreamEvents(connection, EventConfiguration(OUTBOUND_SUBJECTS, name), adopt=True)
    await events.bind()
    return events


async def _holders(connection: BrokerConnection) -> list[str]:
    answer = await ask(connection, "STREAM.NAMES", {"subject": OUTBOUND_SUBJECTS[0]})
    holders: list[str] = answer.get("streams") or []
    return holders
