"""The unit of work: everything that a group of commands touches, loaded at once, changed in memory, written at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.service_layer.line_book import LineBook
from allocation.service_layer.products import Products
from allocation.service_layer.records import ParkedState, UnfinishedPromising
from allocation.service_layer.retention import truncated
from allocation.service_layer.store import Changes, Footprint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from allocation.domain.events import Event
    from allocation.service_layer.aged import Book, Forgotten
    from allocation.service_layer.envelope import Envelope
    from allocation.service_layer.event_log import Recorder
    from allocation.service_layer.records import Ending, Fence, InboxEntry, InboxKey, KnownStream, ParkedMessage, StreamPlace
    from allocation.service_layer.store import Transaction


class UnitOfWork:
    """One transaction as handlers see it. A read sees every earlier write; nothing is written before `write`.

    `recorded` takes up events until the bus hands them to their handlers. `steps_max` bounds the lines that one command
    moves, and how much a transaction takes on before the rest of its group has to wait for the next.
    """

    def __init__(self, transaction: Transaction, footprint: Footprint, recorder: Recorder, steps_max: int) -> None:
        self._transaction = transaction
        self._recorder = recorder
        self._steps_max = steps_max
        self._changes = Changes()
        self._changed_streams: dict[str, KnownStream] = {}
        loaded = transaction.load(footprint)
        self.recorded: list[Event] = []
        self.lines = LineBook(transaction)
        self.products = Products(loaded, self.lines, self.recorded, steps_max)
        self.lines.load(loaded.lines, loaded.latest)
        self.inbox = loaded.inbox
        self.parked = loaded.parked
        self.unqueued = loaded.unqueued
        self.held = loaded.held
        self.unfinished = loaded.unfinished
        self.aged = loaded.aged
        self._logged_before = loaded.log_position
        self.fences = loaded.fences
        self.streams = loaded.streams

    @property
    def is_full(self) -> bool:
        """Whether the transaction has taken on as much as one may."""
        return self.lines.put_count >= self._steps_max

    @property
    def now(self) -> datetime:
        """The present instant, UTC."""
        return self._recorder.clock()

    @property
    def log_position(self) -> int:
        """That of the last event, those of this unit of work included; known where `Loaded` says so."""
        return self._logged_before + len(self._changes.events)

    def log(self, event: Event, envelope: Envelope) -> None:
        """Write an event to the log, and to the outbox if it is public."""
        self._changes.events.append(self._recorder.record(event, envelope))

    def consume(self, entry: InboxEntry) -> None:
        """Remember that an inbound message took effect."""
        self.inbox[entry.key] = entry.fingerprint
        self._changes.inbox.append(entry)

    def consume_again(self, entry: InboxEntry) -> None:
        """Remember that a message that took effect before was there again, perhaps at a later place."""
        self._changes.consumed_again.append(entry)

    def park(self, message: ParkedMessage) -> None:
        """Set a message aside."""
        if message.place not in self.parked:
            self.parked[message.place] = ParkedState(is_open=True, log_position=message.log_position)
            self._changes.parked.append(message)

    def end_parked(self, place: StreamPlace, ending: Ending) -> None:
        """Say what became of a parked message in the end."""
        self.parked[place] = self.parked[place]._replace(is_open=False)
        self._changes.ended[place] = ending

    def move_fence(self, batch_reference: str, fence: Fence) -> None:
        """Remember which quantity of a batch was the last."""
        self.fences[batch_reference] = self._changes.fences[batch_reference] = fence

    def remember_stream(self, stream: KnownStream) -> None:
        """Remember how far a stream was consumed or written, and in which life."""
        self.streams[stream.name] = self._changed_streams[stream.name] = stream

    def leave_unfinished(self, sku: str, envelope: Envelope | None) -> None:
        """Leave a durable command to go on with a sku later, on account of the envelope; None: it is finished."""
        self._changes.unfinished[sku] = (
            None if envelope is None else UnfinishedPromising(sku, envelope.correlation_id, envelope.causation_id)
        )

    def forget_published(self, positions: tuple[int, ...]) -> None:
        """Take rows out of the outbox."""
        self._changes.published.extend(positions)

    def publish_again(self, event_id: str) -> None:
        """Put an event of `unqueued` into the outbox."""
        self._changes.queued_again.append(self.unqueued.pop(event_id))

    @property
    def forgotten(self) -> Forgotten:
        """The old rows that go."""
        return self._changes.forgotten

    def forget(
        self,
        book: Book,
        *,
        through: int,
        inbox: Sequence[InboxKey] = (),
        events: Sequence[int] = (),
        parked: Sequence[StreamPlace] = (),
    ) -> None:
        """Forget rows of a book, and write down how many and how far it was looked at."""
        self.forgotten.inbox.extend(inbox)
        self.forgotten.events.extend(events)
        self.forgotten.parked.extend(parked)
        rows = len(inbox) + len(events) + len(parked)
        self.forgotten.truncations[book] = truncated(self.aged.truncation, rows, through, self.now)

    def write(self) -> Changes:
        """Write everything that changed, and answer it."""
        self.products.changes(self._changes)
        self._changes.new_lines = self.lines.new_lines()
        self._changes.changed_lines = self.lines.changed_lines()
        self._changes.mended_lines = self.lines.mended_lines()
        self._changes.streams = list(self._changed_streams.values())
        self._transaction.write(self._changes)
        return self._changes
