"""The unit of work: everything that a group of commands touches, loaded at once, changed in memory, written at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from allocation.domain.errors import UnknownBatch
from allocation.domain.product import Product
from allocation.domain.product_state import ProductState
from allocation.service_layer.line_book import LineBook
from allocation.service_layer.records import Changes, Footprint, ParkedState, UnfinishedPromising
from allocation.service_layer.retention import truncated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from allocation.domain.batch import Batch
    from allocation.domain.events import Event
    from allocation.service_layer.aged import Book, Forgotten
    from allocation.service_layer.envelope import Envelope
    from allocation.service_layer.event_log import Recorder
    from allocation.service_layer.records import (
        Ending,
        Fence,
        InboxEntry,
        InboxKey,
        KnownStream,
        Loaded,
        ParkedMessage,
        StreamPlace,
    )
    from allocation.service_layer.store import Transaction


class Products:
    """The products of a unit of work: those of the skus and batches that its footprint names."""

    def __init__(self, loaded: Loaded, lines: LineBook, recorded: list[Event], steps_max: int) -> None:
        self._lines = lines
        self._recorded = recorded
        self._steps_max = steps_max
        self._stored_states = {state.sku: replace(state) for state in loaded.products}
        self._stored_batches = {batch.reference: replace(batch) for batch in loaded.batches}
        self._sku_of_batch = {batch.reference: batch.sku for batch in loaded.batches}
        self._doubted = loaded.held.keys()
        batches_by_sku: dict[str, list[Batch]] = {state.sku: [] for state in loaded.products}
        for batch in loaded.batches:
            batches_by_sku.setdefault(batch.sku, []).append(batch)
        states = {state.sku: state for state in loaded.products}
        self._products = {
            sku: self._make(states.get(sku) or ProductState(sku), batches) for sku, batches in batches_by_sku.items()
        }

    def get(self, sku: str) -> Product:
        """Answer the product; a sku that nobody has heard of is one without batches and lines."""
        if sku not in self._products:
            self._products[sku] = self._make(ProductState(sku), [])
        return self._products[sku]

    def of_batch(self, reference: str) -> Product:
        """Answer the product that a batch belongs to.

        Raises:
            UnknownBatch: no batch has this reference.

        """
        sku = self._sku_of_batch.get(reference)
        if sku is None:
            raise UnknownBatch(reference)
        return self._products[sku]

    def batch(self, reference: str) -> Batch | None:
        """Answer a batch by its reference alone."""
        sku = self._sku_of_batch.get(reference)
        return None if sku is None else self._products[sku].batch(reference)

    def add(self, batch: Batch) -> None:
        """Make a batch that was just created known by its reference."""
        self._sku_of_batch[batch.reference] = batch.sku

    def changes(self, changes: Changes) -> None:
        """Write down every product and batch that is not as it was loaded."""
        for sku, product in self._products.items():
            if product.state != self._stored_states.get(sku, ProductState(sku)):
                changes.products.append(product.state)
        for reference, sku in self._sku_of_batch.items():
            batch, stored = self._products[sku].batch(reference), self._stored_batches.get(reference)
            if stored is None:
                changes.new_batches.append(batch)
            elif _quantities(batch) != _quantities(stored):
                changes.changed_batches.append(batch)

    def _make(self, state: ProductState, batches: list[Batch]) -> Product:
        doubted = state.sku in self._doubted
        self._lines.expect_waiting(
            state.sku,
            waiting=doubted or state.waiting_lines > 0,
            displaced=doubted or state.promised_through is not None,
        )
        return Product(state, batches, self._lines, self._recorded, self._steps_max)


def _quantities(batch: Batch) -> tuple[int, int, int]:
    return batch.purchased_quantity, batch.allocated_quantity, batch.target_quantity


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
