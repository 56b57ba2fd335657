"""Turns events into rows of the log, under the envelope of the command that they happened in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from allocation.service_layer.records import LoggedEvent

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from allocation.domain.events import Event
    from allocation.service_layer.envelope import Envelope


@dataclass(frozen=True, slots=True)
class EncodedEvent:
    """An event as it leaves the house: its full type name, the subject (None if it stays in the log), and its bytes."""

    type: str
    subject: str | None
    sku: str
    sku_sequence: int | None
    payload: bytes


@dataclass(frozen=True, slots=True)
class Recorder:
    """What it takes to record an event: an encoder that refuses invalid ones, a clock (UTC), and a source of UUIDv7 texts."""

    encode: Callable[[Event, Envelope], EncodedEvent]
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def record(self, event: Event, envelope: Envelope) -> LoggedEvent:
        """Encode and identify an event."""
        encoded = self.encode(event, envelope)
        return LoggedEvent(
            event_id=self.new_id(),
            type=encoded.type,
            subject=encoded.subject,
            sku=encoded.sku,
            sku_sequence=encoded.sku_sequence,
            payload=encoded.payload,
            occurred_at=self.clock(),
            correlation_id=envelope.correlation_id,
            causation_id=envelope.causation_id,
            traceparent=envelope.traceparent,
        )
