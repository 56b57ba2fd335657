"""Reads all the books of a database as they are at one instant, page by page, to compare them; it decides nothing."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, func, or_, select, tuple_

from allocation.adapters.sql import tables
from allocation.adapters.sql.keys import among

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sqlalchemy import Column
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

PAGE_ROWS = 10_000
_events, _lines, _batches = tables.events, tables.order_lines, tables.batches
_inbox, _parked, _streams = tables.inbox, tables.parked_messages, tables.streams

ODDITIES: dict[str, Select[Any]] = {
    "outbox_without_event": select(tables.outbox.c.position)
    .join_from(tables.outbox, _events, tables.outbox.c.position == _events.c.position, isouter=True)
    .where(_events.c.position.is_(None)),
    "outbox_of_internal_event": select(tables.outbox.c.position, _events.c.sku)
    .join_from(tables.outbox, _events, tables.outbox.c.position == _events.c.position)
    .where(_events.c.subject.is_(None)),
    "fence_without_batch": select(tables.fences.c.batch_reference)
    .join_from(tables.fences, _batches, tables.fences.c.batch_reference == _batches.c.reference, isouter=True)
    .where(_batches.c.reference.is_(None)),
    "fence_ahead_of_log": select(tables.fences.c.batch_reference, tables.fences.c.log_position).where(
        tables.fences.c.log_position > select(func.coalesce(func.max(_events.c.position), 0)).scalar_subquery()
    ),
    "parked_and_consumed": select(_parked.c.stream, _parked.c.incarnation, _parked.c.sequence, _inbox.c.message_id)
    .join_from(
        _inbox,
        _parked,
        and_(*(_inbox.c[name] == _parked.c[name] for name in ("stream", "incarnation", "sequence"))),
    )
    .where(_parked.c.ending.is_(None)),
    "inbox_ahead_of_stream": select(_inbox.c.source, _inbox.c.message_id, _inbox.c.sequence, _streams.c.last_sequence)
    .join_from(_inbox, _streams, _inbox.c.stream == _streams.c.name)
    .where(
        or_(
            _inbox.c.incarnation > _streams.c.incarnation,
            and_(_inbox.c.incarnation == _streams.c.incarnation, _inbox.c.sequence > _streams.c.last_sequence),
        )
    ),
}
"""What must not be there, each as a query that finds it."""


class BooksReader:
    """The tables of a snapshot. Pages come in the order of the key, so that memory does not grow with a table."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def log(self) -> AsyncIterator[Sequence[Any]]:
        """Go through (position, type, sku, sku_sequence, payload, causation_id) of every event."""
        columns = _events.c["position", "type", "sku", "sku_sequence", "payload", "causation_id"]
        async for page in self._pages(select(*columns), _events.c.position):
            yield page

    async def lines(self) -> AsyncIterator[Sequence[Any]]:
        """Go through the rows of order_lines."""
        async for page in self._pages(select(_lines), _lines.c.order_id, _lines.c.line_id):
            yield page

    async def batches(self) -> AsyncIterator[Sequence[Any]]:
        """Go through the rows of batches."""
        async for page in self._pages(select(_batches), _batches.c.reference):
            yield page

    async def batches_without_fence(self) -> AsyncIterator[Sequence[Any]]:
        """Go through (reference, sku) of every batch that has no fence."""
        unfenced = _batches.c.reference == tables.fences.c.batch_reference
        query = select(*_batches.c["reference", "sku"]).join_from(_batches, tables.fences, unfenced, isouter=True)
        async for page in self._pages(query.where(tables.fences.c.batch_reference.is_(None)), _batches.c.reference):
            yield page

    async def consumed(self, message_ids: Sequence[str]) -> set[str]:
        """Answer which of these, at most a page of them, the inbox knows of whatever source; it is read whole."""
        if not message_ids:
            return set()
        known = select(_inbox.c.message_id).where(among(_inbox.c.message_id))
        return {row.message_id for row in await self._connection.execute(known, {"keys": list(message_ids)})}

    async def products(self) -> AsyncIterator[Sequence[Any]]:
        """Go through the rows of products."""
        async for page in self._pages(select(tables.products), tables.products.c.sku):
            yield page

    async def commands(self) -> set[str]:
        """Answer the skus that a durable command waits for."""
        return {row.sku for row in await self._connection.execute(select(tables.internal_commands.c.sku))}

    async def truncated_sequences(self) -> dict[str, tuple[int, int]]:
        """Answer how many events of each sku were forgotten by age, and the highest sku_sequence among them."""
        return {row[0]: (row[1], row[2]) for row in await self._connection.execute(select(tables.truncated_sequences))}

    async def truncations(self) -> Sequence[Any]:
        """Read what was forgotten by age."""
        return (await self._connection.execute(select(tables.truncations).order_by(tables.truncations.c.name))).all()

    async def oddities(self, name: str) -> Sequence[Any]:
        """Find what must not be there, at most a page of it."""
        found: Sequence[Any] = (await self._connection.execute(ODDITIES[name].limit(PAGE_ROWS))).all()
        return found

    async def count(self, table: str) -> int:
        """Count the rows of a table."""
        counted = select(func.count()).select_from(tables.metadata.tables[table])
        rows: int = (await self._connection.execute(counted)).scalar_one()
        return rows

    async def _pages(self, query: Select[Any], *key: Column[Any]) -> AsyncIterator[Sequence[Any]]:
        after: tuple[Any, ...] | None = None
        places = [list(query.selected_columns.keys()).index(column.name) for column in key]
        while True:
            page = query.order_by(*key).limit(PAGE_ROWS)
            if after is not None:
                page = page.where(tuple_(*key) > tuple_(*after) if len(key) > 1 else key[0] > after[0])
            rows = (await self._connection.execute(page)).all()
            if rows:
                yield rows
            if len(rows) < PAGE_ROWS:
                return
            after = tuple(rows[-1][place] for place in places)


@asynccontextmanager
async def books(engine: AsyncEngine) -> AsyncIterator[BooksReader]:
    """Take a snapshot: whatever is written meanwhile is not seen."""
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            await connection.exec_driver_sql("BEGIN")  # The driver would read each statement at an instant of its own.
        else:
            await connection.execution_options(isolation_level="REPEATABLE READ")
        yield BooksReader(connection)
