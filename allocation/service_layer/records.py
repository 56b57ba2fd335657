"""What goes through the ports to the store: the keys that are asked for, what is loaded, what is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from allocation.service_layer.aged import Aged, Forgotten

if TYPE_CHECKING:
    from datetime import datetime

    from allocation.domain.batch import Batch
    from allocation.domain.order_line import KeptLine
    from allocation.domain.product_state import LinesHeld, ProductState
    from allocation.service_layer.aged import InboxPage, LogPage, ParkedPage
    from allocation.service_layer.housekeeping import ParkingReason


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


@dataclass(slots=True)
class Footprint:
    """What the commands of a group are going to touch."""

    skus: set[str] = field(default_factory=set)
    lines: set[LineKey] = field(default_factory=set)
    batches: set[str] = field(default_factory=set)
    changed_batches: set[str] = field(default_factory=set)
    """Those of `batches` that may shrink: the lines promised last on them are loaded too."""
    inbox: set[InboxKey] = field(default_factory=set)
    places: set[StreamPlace] = field(default_factory=set)
    streams: set[str] = field(default_factory=set)
    event_ids: set[str] = field(default_factory=set)
    """Events that may have to be published again."""
    recounted_skus: set[str] = field(default_factory=set)
    """Those of `skus` whose lines are summed up, and all of whose batches are loaded."""
    aged: InboxPage | LogPage | ParkedPage | None = None
    """Old rows that may have to be forgotten: of one page, asked for by a command that is alone."""

    @property
    def asks_for_log_position(self) -> bool:
        """Whether the position of the last event matters."""
        return bool(self.changed_batches or self.places or self.aged)

    def add(self, other: Footprint) -> None:
        """Take up all that another command touches."""
        self.skus |= other.skus
        self.lines |= other.lines
        self.batches |= other.batches
        self.changed_batches |= other.changed_batches
        self.inbox |= other.inbox
        self.places |= other.places
        self.streams |= other.streams
        self.event_ids |= other.event_ids
        self.recounted_skus |= other.recounted_skus
        self.aged = self.aged or other.aged


class Fence(NamedTuple):
    """Where the last quantity applied to a batch stood: in which life of which stream at which sequence, and in our log.

    The stream's place is that of the last quantity that came from a stream, (0, 0) if none did; `log_position` is that of the
    last event before the last quantity that did not come from this stream, 0 if all did: two of one stream compare by their
    places, whenever they were applied, and all others by when they came.
    """

    incarnation: int
    sequence: int
    log_position: int
    stream: str = ""
    """Empty: of the stream that was consumed when fences did not name it yet."""

    @property
    def place(self) -> StreamPlace:
        """Where it stood in the stream."""
        return StreamPlace(self.stream, self.incarnation, self.sequence)

    def is_beyond(self, place: StreamPlace) -> bool:
        """Whether it stood at a place of the same stream or after it; the places of two streams do not compare."""
        if self.stream not in ("", place.stream):
            return False
        return (self.incarnation, self.sequence) >= (place.incarnation, place.sequence)

    def moved_to(self, place: StreamPlace, came_after: int) -> Fence:
        """Answer the fence after a quantity of a stream, that came after so many events."""
        log_position = self.log_position if self.stream in ("", place.stream) else came_after
        return Fence(place.incarnation, place.sequence, log_position, place.stream)


@dataclass(slots=True)
class KnownStream:
    """A stream as last observed: `last_sequence` is the highest consumed, or the highest published and acknowledged."""

    name: str
    created_at: str
    incarnation: int
    last_sequence: int

    def is_behind(self, ack_floor: int) -> bool:
        """Whether more was acknowledged than was consumed here: then this is an older copy of what acknowledged it."""
        return ack_floor > self.last_sequence


class ParkedState(NamedTuple):
    """Whether a parked message waits for an operator, and after which event it was parked."""

    is_open: bool
    log_position: int


@dataclass(slots=True)
class LatestLines:
    """The lines promised last on a batch, the highest promise number first; `complete` if there are no more."""

    lines: list[KeptLine]
    complete: bool


@dataclass(slots=True)
class Loaded:
    """What a store holds of a footprint.

    `batches` are those named, and of every sku (named, or of a named batch) those with room, those still shrinking, and those
    that the found lines of the sku are on.
    """

    products: list[ProductState] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    lines: list[KeptLine] = field(default_factory=list)
    latest: dict[str, LatestLines] = field(default_factory=dict)
    inbox: dict[InboxKey, bytes] = field(default_factory=dict)
    parked: dict[StreamPlace, ParkedState] = field(default_factory=dict)
    fences: dict[str, Fence] = field(default_factory=dict)
    streams: dict[str, KnownStream] = field(default_factory=dict)
    unqueued: dict[str, int] = field(default_factory=dict)
    """Of the event ids those that are public and not in the outbox, with their position in the log."""
    held: dict[str, LinesHeld] = field(default_factory=dict)
    """Of each sku to be recounted, what its lines come to: those on its batches, and those of the sku that wait."""
    unfinished: set[str] = field(default_factory=set)
    """Of the skus to be recounted, those that a durable command waits for."""
    log_position: int = 0
    """That of the last event, if batches change, messages are consumed or old events are asked for; else 0."""
    aged: Aged = field(default_factory=Aged)


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


@dataclass(slots=True)
class Changes:
    """All that a transaction writes; new and changed rows are apart, each in the order in which they came about."""

    products: list[ProductState] = field(default_factory=list)
    new_batches: list[Batch] = field(default_factory=list)
    changed_batches: list[Batch] = field(default_factory=list)
    new_lines: list[KeptLine] = field(default_factory=list)
    changed_lines: list[KeptLine] = field(default_factory=list)
    events: list[LoggedEvent] = field(default_factory=list)
    inbox: list[InboxEntry] = field(default_factory=list)
    consumed_again: list[InboxEntry] = field(default_factory=list)
    """Rows of the inbox whose message was published again, later: it may come from there from now on."""
    parked: list[ParkedMessage] = field(default_factory=list)
    ended: dict[StreamPlace, Ending] = field(default_factory=dict)
    fences: dict[str, Fence] = field(default_factory=dict)
    streams: list[KnownStream] = field(default_factory=list)
    mended_lines: list[KeptLine] = field(default_factory=list)
    """Lines of which more than their place is written: put whole, whether there is a row or not."""
    unfinished: dict[str, UnfinishedPromising | None] = field(default_factory=dict)
    """By sku; None: it is finished."""
    published: list[int] = field(default_factory=list)
    """Outbox positions to forget."""
    queued_again: list[int] = field(default_factory=list)
    """Log positions to put into the outbox again."""
    forgotten: Forgotten = field(default_factory=Forgotten)

    @property
    def has_public_events(self) -> bool:
        """Whether anything waits to be published now."""
        return bool(self.queued_again) or any(event.subject is not None for event in self.events)

    @property
    def leaves_unfinished(self) -> bool:
        """Whether a durable command waits to be continued now."""
        return any(left is not None for left in self.unfinished.values())
