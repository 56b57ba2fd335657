"""The store in memory: for trying things out, and the plainest statement of what the ports promise. Gone with its process."""

from __future__ import annotations

from bisect import bisect_left
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from allocation.adapters.memory_aged import forget, later, load_aged
from allocation.domain.order_line import LineState, LineStatus
from allocation.domain.product_state import LinesHeld
from allocation.service_layer.aged import Aged
from allocation.service_layer.records import (
    InboxKey,
    KnownStream,
    LatestLines,
    LineKey,
    Loaded,
    ParkedState,
    UnfinishedPromising,
)
from allocation.service_layer.streams import OutboxEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from allocation.domain.batch import Batch
    from allocation.domain.order_line import KeptLine
    from allocation.domain.product_state import ProductState
    from allocation.service_layer.aged import Book, ForgottenEvents, Truncation
    from allocation.service_layer.records import (
        Changes,
        Ending,
        Fence,
        Footprint,
        InboxEntry,
        LoggedEvent,
        ParkedMessage,
        StreamPlace,
    )
    from allocation.service_layer.store import Transaction

Result = TypeVar("Result")
_LATEST_LINES = 16


@dataclass
class MemoryStore:
    """Keeps the promises of `Store` and `Reader` in dicts. What it hands out are copies: only `write` changes it."""

    products: dict[str, ProductState] = field(default_factory=dict)
    batches_by_reference: dict[str, Batch] = field(default_factory=dict)
    kept: dict[LineKey, KeptLine] = field(default_factory=dict)
    log: list[LoggedEvent] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    """Those of the events of the log, in its order: 1, 2, 3… until some of them are forgotten."""
    unpublished: dict[int, LoggedEvent] = field(default_factory=dict)
    consumed: dict[InboxKey, InboxEntry] = field(default_factory=dict)
    parked: dict[StreamPlace, ParkedMessage] = field(default_factory=dict)
    ended: dict[StreamPlace, Ending] = field(default_factory=dict)
    fences: dict[str, Fence] = field(default_factory=dict)
    streams: dict[str, KnownStream] = field(default_factory=dict)
    commands: dict[str, UnfinishedPromising] = field(default_factory=dict)
    truncations: dict[Book, Truncation] = field(default_factory=dict)
    truncated_sequences: dict[str, ForgottenEvents] = field(default_factory=dict)

    @property
    def log_position(self) -> int:
        """That of the last event."""
        return self.positions[-1] if self.positions else 0

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work; a transaction that raises has written nothing, since it writes last and at once."""
        return work(MemoryTransaction(self))

    async def batch(self, reference: str) -> Batch | None:
        """Read one batch."""
        return copy(self.batches_by_reference.get(reference))

    async def batches(self, sku: str, after: str, limit: int) -> list[Batch]:
        """Read batches of a sku by reference."""
        found = [batch for batch in self.batches_by_reference.values() if batch.sku == sku and batch.reference > after]
        return [copy(batch) for batch in sorted(found, key=lambda batch: batch.reference)[:limit]]

    async def lines(self, order_id: str, after: str, limit: int) -> list[LineStatus]:
        """Read kept lines of an order by line_id."""
        found = sorted(key for key in self.kept if key.order_id == order_id and key.line_id > after)[:limit]
        return [self._status(self.kept[key]) for key in found]

    async def outbox(self, limit: int) -> list[OutboxEvent]:
        """Read the events to be published next."""
        return [_outgoing(position, self.unpublished[position]) for position in sorted(self.unpublished)[:limit]]

    async def outbox_positions(self, event_ids: Sequence[str]) -> list[int]:
        """Find which of these events wait to be published."""
        return [position for position, event in self.unpublished.items() if event.event_id in event_ids]

    async def unfinished(self, limit: int) -> list[UnfinishedPromising]:
        """Read durable commands that wait to be continued."""
        return [self.commands[sku] for sku in sorted(self.commands)[:limit]]

    async def stream(self, name: str) -> KnownStream | None:
        """Read what is known of a stream."""
        return copy(self.streams.get(name))

    async def parked_messages(self, places: Sequence[StreamPlace]) -> list[ParkedMessage]:
        """Read parked messages, whatever became of them."""
        return [self.parked[place] for place in places if place in self.parked]

    def _status(self, kept: KeptLine) -> LineStatus:
        eta = None if kept.batch_reference is None else self.batches_by_reference[kept.batch_reference].eta
        return LineStatus(kept.line, kept.state, kept.sku_sequence, kept.batch_reference, eta)


class MemoryTransaction:
    """Keeps the promise of `service_layer.store.Transaction`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def load(self, footprint: Footprint) -> Loaded:
        """Load what a group touches; see `Loaded` for which batches."""
        store = self._store
        lines = [store.kept[key] for key in footprint.lines if key in store.kept]
        named = footprint.batches & store.batches_by_reference.keys()
        skus = footprint.skus | {store.batches_by_reference[reference].sku for reference in named}
        named |= {kept.batch_reference for kept in lines if kept.batch_reference is not None and kept.line.sku in skus}
        return Loaded(
            products=[copy(store.products[sku]) for sku in skus if sku in store.products],
            batches=[
                copy(batch)
                for batch in store.batches_by_reference.values()
                if batch.reference in named
                or batch.sku in footprint.recounted_skus
                or (batch.sku in skus and (batch.available_quantity > 0 or batch.is_shrinking))
            ],
            lines=[copy(kept) for kept in lines],
            latest={reference: self._latest(reference) for reference in footprint.changed_batches & named},
            inbox={key: store.consumed[key].fingerprint for key in footprint.inbox if key in store.consumed},
            parked={
                place: ParkedState(place not in store.ended, store.parked[place].log_position)
                for place in footprint.places
                if place in store.parked
            },
            fences={key: store.fences[key] for key in footprint.changed_batches if key in store.fences},
            streams={name: copy(store.streams[name]) for name in footprint.streams if name in store.streams},
            unqueued={
                event.event_id: position
                for position, event in zip(store.positions, store.log, strict=True)
                if event.event_id in footprint.event_ids and event.subject is not None and position not in store.unpublished
            },
            held={sku: self._held(sku) for sku in footprint.recounted_skus},
            unfinished=footprint.recounted_skus & store.commands.keys(),
            log_position=store.log_position if footprint.asks_for_log_position else 0,
            aged=Aged() if footprint.aged is None else load_aged(store, footprint.aged),
        )

    def latest_lines(self, batch_reference: str, below: int, limit: int) -> list[KeptLine]:
        """Load the lines on a batch with a promise number under `below`, the highest first."""
        found = [
            kept
            for kept in self._store.kept.values()
            if kept.batch_reference == batch_reference and kept.promise_number < below
        ]
        return [copy(kept) for kept in sorted(found, key=lambda kept: -kept.promise_number)[:limit]]

    def waiting_lines(self, sku: str, after: int, quantity_max: int, limit: int) -> list[KeptLine]:
        """Load the lines without a batch above a promise number, the lowest first."""
        found = [
            kept
            for kept in self._store.kept.values()
            if kept.line.sku == sku
            and kept.is_waiting
            and kept.promise_number > after
            and (kept.line.quantity <= quantity_max or kept.state is LineState.DISPLACED)
        ]
        return [copy(kept) for kept in sorted(found, key=lambda kept: kept.promise_number)[:limit]]

    def write(self, changes: Changes) -> None:
        """Write everything."""
        store = self._store
        store.products.update({state.sku: copy(state) for state in changes.products})
        for batch in changes.new_batches + changes.changed_batches:
            store.batches_by_reference[batch.reference] = copy(batch)
        for kept in changes.new_lines + changes.changed_lines + changes.mended_lines:
            store.kept[LineKey(kept.line.order_id, kept.line.line_id)] = copy(kept)
        for event in changes.events:
            store.positions.append(store.log_position + 1)
            store.log.append(event)
            if event.subject is not None:
                store.unpublished[store.log_position] = event
        for position in changes.published:
            store.unpublished.pop(position, None)
        for position in changes.queued_again:
            store.unpublished[position] = store.log[bisect_left(store.positions, position)]
        store.consumed.update({entry.key: entry for entry in changes.inbox})
        for entry in changes.consumed_again:
            store.consumed[entry.key] = later(store.consumed[entry.key], entry)
        store.parked.update({message.place: message for message in changes.parked})
        store.ended.update(changes.ended)
        store.fences.update(changes.fences)
        store.streams.update({known.name: known for known in changes.streams})
        for sku, unfinished in changes.unfinished.items():
            if unfinished is None:
                store.commands.pop(sku, None)
            else:
                store.commands[sku] = unfinished
        forget(store, changes.forgotten)

    def _held(self, sku: str) -> LinesHeld:
        held = LinesHeld()
        for kept in self._store.kept.values():
            batch = self._store.batches_by_reference.get(kept.batch_reference or "")
            if batch is not None and batch.sku == sku:
                held.promised[batch.reference] = held.promised.get(batch.reference, 0) + kept.line.quantity
            elif kept.is_waiting and kept.line.sku == sku:
                held.waiting += 1
            else:
                continue
            held.promise_number = max(held.promise_number, kept.promise_number)
        return held

    def _latest(self, batch_reference: str) -> LatestLines:
        lines = self.latest_lines(batch_reference, 2**63 - 1, _LATEST_LINES)
        return LatestLines(lines, complete=len(lines) < _LATEST_LINES)


def _outgoing(position: int, event: LoggedEvent) -> OutboxEvent:
    if event.subject is None:
        raise AssertionError(f"internal event {event.event_id} is in the outbox")
    return OutboxEvent(
        position=position,
        event_id=event.event_id,
        type=event.type,
        subject=event.subject,
        sku=event.sku,
        payload=event.payload,
        occurred_at=event.occurred_at,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        traceparent=event.traceparent,
    )
