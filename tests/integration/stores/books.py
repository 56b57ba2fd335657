"""Opens the books of any store, so that all are checked alike."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from allocation.adapters.memory import MemoryStore
from allocation.adapters.sql import rows
from allocation.service_layer.records import LoggedEvent
from tests.unit.machine.books import Books, books_of_memory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.stores.examples import Opened


def books_of_sqlite(path: Path) -> Books:
    """Open the books of a SQLite file, over a connection that knows nothing of the store."""
    with closing(sqlite3.connect(path)) as connection:

        def table(name: str) -> list[tuple[object, ...]]:
            return connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608 - a name of this file

        products = {state.sku: state for state in map(rows.product, table("products"))}
        batches = {batch.reference: batch for batch in map(rows.batch, table("batches"))}
        lines = {(kept.line.order_id, kept.line.line_id): kept for kept in map(rows.kept_line, table("order_lines"))}
        unfinished = {str(row[0]) for row in table("internal_commands")}
        log = connection.execute(
            "SELECT event_id, type, subject, sku, sku_sequence, payload, occurred_at, correlation_id, causation_id, traceparent"
            " FROM events ORDER BY position"
        ).fetchall()
    return Books(products, batches, lines, [_logged(*row) for row in log], unfinished)


def _logged(*row: Any) -> LoggedEvent:  # noqa: ANN401 - a row of the database
    values = list(row)
    values[6] = rows.instant(values[6])
    return LoggedEvent(*values)


def books_of(opened: Opened, path: Path) -> Books:
    """Open the books of whatever store that is."""
    return books_of_memory(opened.store) if isinstance(opened.store, MemoryStore) else books_of_sqlite(path)
