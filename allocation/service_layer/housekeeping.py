"""The commands that keep the service's own books: they concern messages and streams, not stock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from allocation.domain.commands import Command

if TYPE_CHECKING:
    from datetime import datetime

    from allocation.service_layer.aged import InboxPage, InboxPlace, LogPage, ParkedPage
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
    """Compare what the broker says of a stream with what was known; answers an `ObservedStream`.

    `last_stored_at` is when the message was stored that is at the highest known sequence now, `last_event_id` its ce-id; None:
    nobody looked, or there is none.
    """

    state: StreamState
    last_stored_at: int | None = None
    last_event_id: str | None = None


@dataclass(frozen=True, slots=True)
class MarkPublished(Command):
    """Forget outbox rows that the event stream has stored, up to `sequence` of that stream.

    `event_id` is that of the event with that sequence; None: nobody knows it.
    """

    stream: str
    incarnation: int
    sequence: int
    positions: tuple[int, ...]
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class DiscardParked(Command):
    """Set parked messages aside for good, for a reason; answers how many were parked until now."""

    places: tuple[StreamPlace, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ReEmit(Command):
    """Publish events of the log again; answers how many were put into the outbox."""

    event_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StreamReach:
    """How far back a stream reaches; `incarnation` is the life that it was known to be in before it was asked."""

    state: StreamState
    incarnation: int


@dataclass(frozen=True, slots=True)
class ForgetInbox(Command):
    """Forget a page of old messages that cannot come again; answers a `Pass`. To be carried out alone, as all that forget."""

    page: InboxPage
    reach: StreamReach


@dataclass(frozen=True, slots=True)
class ForgetParked(Command):
    """Forget a page of parked messages that ended before an instant and cannot come again; answers a `Pass`."""

    page: ParkedPage
    ended_before: datetime
    reach: StreamReach


@dataclass(frozen=True, slots=True)
class ForgetEvents(Command):
    """Forget a page of old events that nothing follows; answers a `Pass`. `state` is that of the event stream."""

    page: LogPage
    occurred_before: datetime
    state: StreamState


@dataclass(frozen=True, slots=True)
class Pass:
    """How many rows of a page were forgotten, and where the next page begins; None: there is nothing to do for now."""

    forgotten: int
    next: InboxPlace | StreamPlace | int | None


@dataclass(frozen=True, slots=True)
class LineCorrection:
    """Where the log says that a line stands; without a batch it waits, `displaced` if it was not yet tried on the others.

    `seen_sku_sequence` is what the row of the line had when it was looked at, 0 if there was none.
    """

    order_id: str
    line_id: str
    quantity: int
    batch_reference: str | None
    displaced: bool
    sku_sequence: int
    seen_sku_sequence: int


@dataclass(frozen=True, slots=True)
class RepairProduct(Command):
    """Make the counters of a product equal its lines, and its lines what the log says of them; answers a `Repair`."""

    sku: str
    sku_sequence_min: int
    lines: tuple[LineCorrection, ...]
