"""The inside of a SQL transaction: a bounded number of statements loads what a group touches, and one pass writes it."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from allocation.adapters.sql import loading, rows
from allocation.adapters.sql.aged import forget, load_aged
from allocation.adapters.sql.keys import json_keys
from allocation.domain.product_state import LinesHeld
from allocation.service_layer.aged import Aged
from allocation.service_layer.records import Fence, InboxKey, KnownStream, LatestLines, ParkedState, StreamPlace
from allocation.service_layer.store import Loaded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Connection, Select

    from allocation.adapters.sql.statements import Statements
    from allocation.domain.order_line import KeptLine
    from allocation.service_layer.store import Changes, Footprint


class SqlTransaction:
    """Keeps the promise of `service_layer.store.Transaction` on one connection."""

    def __init__(self, connection: Connection, statements: Statements) -> None:
        self._connection = connection
        self._statements = statements

    def load(self, footprint: Footprint) -> Loaded:
        """Load what a group touches; see `Loaded` for which batches."""
        batches = {row[0]: rows.batch(row) for row in self._select(loading.BATCHES, footprint.batches)}
        lines = [rows.kept_line(row) for row in self._select_by_keys(loading.LINES, footprint.lines)]
        skus = footprint.skus | {batch.sku for batch in batches.values()}
        for row in self._select(loading.BATCHES_IN_USE, skus):
            batches.setdefault(row[0], rows.batch(row))
        for row in self._select(loading.BATCHES_OF_SKU, footprint.recounted_skus):
            batches.setdefault(row[0], rows.batch(row))
        promised_to = {kept.batch_reference for kept in lines if kept.batch_reference is not None and kept.line.sku in skus}
        for row in self._select(loading.BATCHES, promised_to - batches.keys()):
            batches[row[0]] = rows.batch(row)
        return Loaded(
            products=[rows.product(row) for row in self._select(loading.PRODUCTS, skus)],
            batches=list(batches.values()),
            lines=lines,
            latest=self._latest(sorted(footprint.changed_batches & batches.keys())),
            inbox={InboxKey(row[0], row[1]): row[2] for row in self._select_by_keys(loading.INBOX, footprint.inbox)},
            parked={
                StreamPlace(*row[:3]): ParkedState(is_open=row.ending is None, log_position=row.log_position)
                for row in self._select_by_keys(loading.PARKED, footprint.places)
            },
            fences={row[0]: Fence(*row[1:]) for row in self._select(loading.FENCES, footprint.changed_batches)},
            streams={row[0]: KnownStream(*row) for row in self._select(loading.STREAMS, footprint.streams)},
            unqueued={row.event_id: row.position for row in self._select(loading.UNQUEUED, footprint.event_ids)},
            held=self._held(footprint.recounted_skus),
            unfinished={row.sku for row in self._select(loading.UNFINISHED, footprint.recounted_skus)},
            log_position=self._log_position() if footprint.asks_for_log_position else 0,
            aged=Aged() if footprint.aged is None else load_aged(self._connection, footprint.aged),
        )

    def latest_lines(self, batch_reference: str, below: int, limit: int) -> list[KeptLine]:
        """Load the lines on a batch with a promise number under `below`, the highest first."""
        found = self._connection.execute(loading.LATEST, {"batch_reference": batch_reference, "below": below, "limit": limit})
        return [rows.kept_line(row) for row in found]

    def waiting_lines(self, sku: str, after: int, quantity_max: int, limit: int) -> list[KeptLine]:
        """Load the lines without a batch above a promise number, the lowest first."""
        found = self._connection.execute(
            loading.WAITING, {"sku": sku, "after": after, "quantity_max": quantity_max, "limit": limit}
        )
        return [rows.kept_line(row) for row in found]

    def write(self, changes: Changes) -> None:
        """Write all that changed, table by table in a fixed order, rows of one table sorted where others may lock them."""
        put, connection = self._statements, self._connection
        put.put_product.execute(connection, sorted(rows.of_product(state) for state in changes.products))
        put.insert_batch.execute(connection, [rows.of_batch(batch) for batch in changes.new_batches])
        put.update_batch.execute(
            connection,
            [
                (batch.purchased_quantity, batch.allocated_quantity, batch.target_quantity, batch.reference)
                for batch in changes.changed_batches
            ],
        )
        put.insert_line.execute(connection, sorted(rows.of_kept_line(kept) for kept in changes.new_lines))
        put.update_line.execute(
            connection,
            [
                (kept.state.value, kept.batch_reference, kept.sku_sequence, kept.line.order_id, kept.line.line_id)
                for kept in changes.changed_lines
            ],
        )
        put.put_line.execute(connection, sorted(rows.of_kept_line(kept) for kept in changes.mended_lines))
        put.insert_inbox.execute(connection, sorted(rows.of_inbox_entry(entry) for entry in changes.inbox))
        put.move_inbox.execute(connection, [rows.of_moved_inbox_entry(entry) for entry in changes.consumed_again])
        put.put_fence.execute(connection, [(key, *fence) for key, fence in changes.fences.items()])
        self._write_messages(changes)

    def _write_messages(self, changes: Changes) -> None:
        put, connection = self._statements, self._connection
        put.insert_event.execute(connection, [rows.of_event(event) for event in changes.events])
        public = [(event.event_id,) for event in changes.events if event.subject is not None]
        put.insert_outbox.execute(connection, public)
        put.delete_outbox.execute(connection, [(position,) for position in changes.published])
        put.insert_outbox_again.execute(connection, [(position,) for position in changes.queued_again])
        put.insert_parked.execute(connection, [rows.of_parked(message) for message in changes.parked])
        put.end_parked.execute(connection, [(*rows.of_ending(ending), *place) for place, ending in changes.ended.items()])
        put.put_stream.execute(
            connection,
            [astuple(known) for known in changes.streams],
        )
        left = changes.unfinished
        put.put_internal_command.execute(
            connection, [(todo.sku, todo.correlation_id, todo.causation_id) for todo in left.values() if todo is not None]
        )
        put.delete_internal_command.execute(connection, [(sku,) for sku, todo in left.items() if todo is None])
        forget(connection, put, changes.forgotten)

    def _held(self, skus: Collection[str]) -> dict[str, LinesHeld]:
        held = {sku: LinesHeld() for sku in skus}
        for sku, reference, promised, promise_number in self._select(loading.PROMISED, skus):
            held[sku].promised[reference] = promised
            held[sku].promise_number = max(held[sku].promise_number, promise_number)
        for sku, waiting, promise_number in self._select(loading.WAITING_COUNT, skus):
            held[sku].waiting = waiting
            held[sku].promise_number = max(held[sku].promise_number, promise_number)
        return held

    def _log_position(self) -> int:
        return self._connection.execute(loading.LOG_POSITION).scalar() or 0

    def _select(self, statement: Select[Any], keys: Collection[Any]) -> Iterable[Any]:
        return self._connection.execute(statement, {"keys": list(keys)}) if keys else ()

    def _select_by_keys(self, statement: Select[Any], keys: Collection[tuple[Any, ...]]) -> Iterable[Any]:
        return self._connection.execute(statement, json_keys(keys)) if keys else ()

    def _latest(self, references: Collection[str]) -> dict[str, LatestLines]:
        found: dict[str, list[KeptLine]] = {reference: [] for reference in references}
        for row in self._select(loading.LATEST_OF_EACH, references):
            found[row.batch_reference].append(rows.kept_line(row))
        return {reference: LatestLines(lines, len(lines) < loading.LATEST_LINES) for reference, lines in found.items()}
