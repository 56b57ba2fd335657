"""The rows of the store, and their keys, as the service layer sees them; which of them go through its ports says `store`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from allocation.domain.order_line import KeptLine
    from allocation.service_layer.housekeeping import ParkingReason

_ROUNDED = 2
"""So many microseconds may be lost on the way of an instant of the broker's."""


class LineKey(NamedTuple):
    """The identity of an order line."""

    order_id: str
    line_id: str


class InboxKey(NamedTuple):
    """The identity under which an inbound message takes effect once."""

    source: str
    message_id: str


class StreamPlace(NamedTuple):
    """One message of one life of a stream."""

    stream: str
    incarnation: int
    sequence: int


class Fence(NamedTuple):
    """Where the last quantity applied to a batch stood: in which life of which stream at which sequence, and in our log.

    The stream's place is that of the last quantity that came from a stream, (0, 0) if none did; `log_position` is that of the
    last event before the last quantity that did not come from this stream, 0 if all did: two of one stream compare by their
    places, whenever they were applied, and all others by when they came. `stored_at` is when the broker stored the quantity of
    that place, as `InboundMessage.stored_at`.
    """

    incarnation: int
    sequence: int
    log_position: int
    stream: str = ""
    """Empty: of the stream that was consumed when fences did not name it yet."""
    stored_at: int | None = None

    @property
    def place(self) -> StreamPlace:
        """Where it stood in the stream."""
        return StreamPlace(self.stream, self.incarnation, self.sequence)

    def is_beyond(self, place: StreamPlace) -> bool:
        """Whether it stood at a place of the same stream or after it; the places of two streams do not compare."""
        if self.stream not in ("", place.stream):
            return False
        return (self.incarnation, self.sequence) >= (place.incarnation, place.sequence)

    def was_copied(self, place: StreamPlace, stored_at: int | None) -> bool:
        """Whether it stood at a place or after it, in a life of the stream of which the present one is an older copy."""
        is_of_a_former_life = self.stream == place.stream and self.incarnation < place.incarnation
        return is_of_a_former_life and None not in (self.stored_at, stored_at) and (self.stored_at or 0) >= (stored_at or 0)

    def moved_to(self, place: StreamPlace, stored_at: int | None, came_after: int) -> Fence:
        """Answer the fence after a quantity of a stream, that came after so many events."""
        log_position = self.log_position if self.stream in ("", place.stream) else came_after
        return Fence(place.incarnation, place.sequence, log_position, place.stream, stored_at)


@dataclass(slots=True)
class KnownStream:
    """A stream as last observed: `last_sequence` is the highest consumed, or the highest published and acknowledged.

    By these the message with that sequence is known again: `last_stored_at` is when the broker stored it, if it was consumed
    (microseconds since 1970, by the broker's clock), `last_event_id` is its ce-id, if we published it. `copied_through` is not
    0 in a life that began as an older copy: up to there it may hold messages that a former life held.
    """

    name: str
    created_at: str
    incarnation: int
    last_sequence: int
    last_stored_at: int | None = None
    copied_through: int = 0
    last_event_id: str | None = None

    def consumed_another(self, stored_at: int | None) -> bool:
        """Whether the message that is at `last_sequence` now, and was stored then, is not the one that was consumed there."""
        return None not in (stored_at, self.last_stored_at) and abs((stored_at or 0) - (self.last_stored_at or 0)) > _ROUNDED

    def published_another(self, event_id: str | None) -> bool:
        """Whether the event that is at `last_sequence` now is not the one that was published there."""
        return None not in (event_id, self.last_event_id) and event_id != self.last_event_id

    def is_behind(self, ack_floor: int) -> bool:
        """Whether more was acknowledged than was consumed here: then this is an older copy of what acknowledged it."""
        return ack_floor > self.last_sequence


class ObservedStream(NamedTuple):
    """A stream as it is known now; `is_another`: it was known before, and has begun another life."""

    known: KnownStream
    is_another: bool


class ParkedState(NamedTuple):
    """Whether a parked message waits for an operator, and after which event it was parked."""

    is_open: bool
    log_position: int


@dataclass(slots=True)
class LatestLines:
    """The lines promised last on a batch, the highest promise number first; `complete` if there are no more."""

    lines: list[KeptLine]
    complete: bool


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A row of the log; with a `subject` it is public and goes to the outbox too."""

    event_id: str
    type: str
    subject: str | None
    sku: str
    sku_sequence: int | None
    payload: bytes
    occurred_at: datetime
    correlation_id: str
    causation_id: str
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """An inbound message that took effect, or was rejected."""

    key: InboxKey
    fingerprint: bytes
    place: StreamPlace
    consumed_at: datetime


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """A message that was set aside whole, with its reason; kept once per place."""

    place: StreamPlace
    subject: str
    headers: str
    payload: bytes
    fingerprint: bytes
    deliveries: int
    reason: ParkingReason
    detail: str
    parked_at: datetime
    log_position: int
    """That of the event by which it was parked."""
    stored_at: int | None = None
    """As `InboundMessage.stored_at`."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a parked message in the end: the outcome of its replay, or "discarded" with an operator's reason."""

    outcome: str
    detail: str
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class UnfinishedPromising:
    """A durable internal command: go on with a sku, on account of what began it."""

    sku: str
    correlation_id: str
    causation_id: str
