"""The commands that keep the service's own books: they concern messages and streams, not stock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from allocation.domain.commands import Command

if TYPE_CHECKING:
    from allocation.service_layer.records import StreamPlace
    from allocation.service_layer.streams import StreamState


class ParkingReason(Enum):
    """Why a message could not even be asked, and was set aside."""

    MALFORMED = "malformed"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_SUBJECT = "unknown_subject"
    IDENTITY_REUSED = "identity_reused"
    UNKNOWN_BATCH = "unknown_batch"
    TOO_MANY_DELIVERIES = "too_many_deliveries"


@dataclass(frozen=True, slots=True)
class Park(Command):
    """Set the message of the envelope's receipt aside, with the reason why."""

    reason: ParkingReason
    detail: str


@dataclass(frozen=True, slots=True)
class ObserveStream(Command):
    """Compare what the broker says of a stream with what was known; answers a `KnownStream`."""

    state: StreamState


@dataclass(frozen=True, slots=True)
class MarkPublished(Command):
    """Forget outbox rows that the event stream has stored, up to `sequence` of that stream."""

    stream: str
    incarnation: int
    sequence: int
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DiscardParked(Command):
    """Set parked messages aside for good, for a reason; answers how many were parked until now."""

    places: tuple[StreamPlace, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ReEmit(Command):
    """Publish events of the log again; answers how many were put into the outbox."""

    event_ids: tuple[str, ...]
