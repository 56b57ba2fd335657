"""The ports to the store: what a transaction loads and writes, as promises that memory and SQL keep alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from allocation.service_layer.aged import Aged, Forgotten

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocation.domain.batch import Batch
    from allocation.domain.order_line import KeptLine
    from allocation.domain.product_state import LinesHeld, ProductState
    from allocation.service_layer.aged import InboxPage, LogPage, ParkedPage
    from allocation.service_layer.records import (
        Ending,
        Fence,
        InboxEntry,
        InboxKey,
        KnownStream,
        LatestLines,
        LineKey,
        LoggedEvent,
        ParkedMessage,
        ParkedState,
        StreamPlace,
        UnfinishedPromising,
    )

Result = TypeVar("Result")


class StoreUnavailableError(Exception):
    """The store cannot be reached or cannot write: nothing happened."""


class OutcomeUnknownError(Exception):
    """The store did not say whether it committed."""


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


class Transaction(Protocol):
    """The inside of one transaction; synchronous, and used by one thread. Reads see what was committed before."""

    def load(self, footprint: Footprint) -> Loaded:
        """Load all that a group of commands touches, in a number of statements that does not grow with it."""

    def latest_lines(self, batch_reference: str, below: int, limit: int) -> list[KeptLine]:
        """Load the lines on a batch with a promise number under `below`, the highest first."""

    def waiting_lines(self, sku: str, after: int, quantity_max: int, limit: int) -> list[KeptLine]:
        """Load the lines without a batch with a promise number above `after`, the lowest first.

        Only displaced lines and those of at most `quantity_max` units.
        """

    def write(self, changes: Changes) -> None:
        """Write everything; called once, last."""


class Store(Protocol):
    """The store for those who change it. One transaction runs at a time."""

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work in one transaction, and answer its result when it is durable.

        The work may run in another thread. What it raises is raised here, after everything was rolled back. A caller that is
        cancelled stops nothing that has begun.

        Raises:
            StoreUnavailableError: the store is away; nothing happened.
            OutcomeUnknownError: the connection broke while it committed.

        """
