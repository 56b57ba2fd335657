"""The inside of a transaction of the store in memory: what it loads, and how all is written at once."""

from __future__ import annotations

from bisect import bisect_left
from copy import copy
from typing import TYPE_CHECKING

from allocation.adapters.memory_aged import forget, later, load_aged
from allocation.domain.order_line import LineState
from allocation.domain.product_state import LinesHeld
from allocation.service_layer.aged import Aged
from allocation.service_layer.records import LatestLines, LineKey, ParkedState
from allocation.service_layer.store import Loaded

if TYPE_CHECKING:
    from allocation.adapters.memory import MemoryStore
    from allocation.domain.order_line import KeptLine
    from allocation.service_layer.store import Changes, Footprint

_LATEST_LINES = 16


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
