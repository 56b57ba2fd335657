"""What goes through the ports to the store when old rows are forgotten: what is looked at, in which order, and what is left.

Rows are looked at a page at a time, so that no transaction takes long; which of them may go is decided in `retention`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from allocation.service_layer.records import InboxKey, StreamPlace


class Book(Enum):
    """A table of which old rows are forgotten; its name there, and in `truncations`."""

    INBOX = "inbox"
    LOG = "events"
    PARKED = "parked_messages"


class InboxPlace(NamedTuple):
    """Where a row of the inbox stands among the others, the oldest first."""

    consumed_at: datetime
    key: InboxKey


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Ask for the oldest rows of the inbox that were consumed before an instant, above a place or from the beginning on."""

    consumed_before: datetime
    above: InboxPlace | None
    limit: int


@dataclass(frozen=True, slots=True)
class LogPage:
    """Ask for the first events of the log that no page has shown yet: those above the `through` of its truncation."""

    limit: int


@dataclass(frozen=True, slots=True)
class ParkedPage:
    """Ask for parked messages of a stream by their place, above one or from the first on, whatever became of them."""

    stream: str
    above: StreamPlace | None
    limit: int


class AgedInboxEntry(NamedTuple):
    """A row of the inbox, as far as its age matters."""

    key: InboxKey
    place: StreamPlace
    consumed_at: datetime


class AgedEvent(NamedTuple):
    """An event of the log, as far as its age matters; `is_waiting` if it is in the outbox."""

    position: int
    type: str
    sku: str
    sku_sequence: int | None
    occurred_at: datetime
    is_public: bool
    is_waiting: bool


class AgedParkedMessage(NamedTuple):
    """A parked message, as far as its age matters; `ended_at` is None while it waits for an operator."""

    place: StreamPlace
    parked_at: datetime
    ended_at: datetime | None


class Truncation(NamedTuple):
    """How many rows of a book were ever forgotten, and when last.

    `through` is the position in the log up to which it was looked at; of the others, the instant before which a row had to be
    from to be forgotten, in microseconds since 1970.
    """

    rows: int
    through: int
    truncated_at: datetime


class ForgottenEvents(NamedTuple):
    """How many events of a sku were forgotten, none with a higher sku_sequence."""

    events: int
    through_sequence: int


@dataclass(slots=True)
class Aged:
    """The rows of the page that was asked for, and what was ever forgotten of their book."""

    inbox: list[AgedInboxEntry] = field(default_factory=list)
    events: list[AgedEvent] = field(default_factory=list)
    parked: list[AgedParkedMessage] = field(default_factory=list)
    truncation: Truncation | None = None


@dataclass(slots=True)
class Forgotten:
    """The rows that go, and what is written down of them in the same transaction."""

    inbox: list[InboxKey] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    parked: list[StreamPlace] = field(default_factory=list)
    truncations: dict[Book, Truncation] = field(default_factory=dict)
    sequences: dict[str, ForgottenEvents] = field(default_factory=dict)
    """By sku; added to what was forgotten of it before."""
