"""The reading side in SQL, on connections of their own that never write and never wait long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, select
from sqlalchemy.exc import SQLAlchemyError

from allocation.adapters.sql import rows, tables
from allocation.adapters.sql.keys import json_keys, with_keys
from allocation.domain.order_line import LineState, LineStatus, OrderLine
from allocation.service_layer.records import KnownStream, UnfinishedPromising
from allocation.service_layer.store import StoreUnavailableError
from allocation.service_layer.streams import OutboxEvent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from allocation.domain.batch import Batch
    from allocation.service_layer.records import ParkedMessage, StreamPlace

_batches, _lines, _events = tables.batches, tables.order_lines, tables.events
_LINES = select(
    *_lines.c["order_id", "line_id", "sku", "quantity", "state", "sku_sequence", "batch_reference"], _batches.c.eta
).join_from(_lines, _batches, _lines.c.batch_reference == _batches.c.reference, isouter=True)
_OUTBOX = (
    select(
        tables.outbox.c.position,
        *_events.c["event_id", "type", "subject", "sku", "payload", "occurred_at"],
        *_events.c["correlation_id", "causation_id", "traceparent"],
    )
    .join_from(tables.outbox, _events, tables.outbox.c.position == _events.c.position)
    .order_by(tables.outbox.c.position)
)
_PARKED = with_keys(select(tables.parked_messages), *tables.parked_messages.primary_key)


class SqlReader:
    """Keeps the promise of `service_layer.views.Reader`; a query takes at most `read_seconds_max`."""

    def __init__(self, engine: AsyncEngine, read_seconds_max: float) -> None:
        self._engine = engine
        self._read_seconds_max = read_seconds_max

    async def batch(self, reference: str) -> Batch | None:
        """Read one batch."""
        found = await self._fetch(select(_batches).where(_batches.c.reference == reference))
        return rows.batch(found[0]) if found else None

    async def batches(self, sku: str, after: str, limit: int) -> list[Batch]:
        """Read batches of a sku by reference."""
        of_sku = select(_batches).where(_batches.c.sku == sku, _batches.c.reference > after)
        return [rows.batch(row) for row in await self._fetch(of_sku.order_by(_batches.c.reference).limit(limit))]

    async def lines(self, order_id: str, after: str, limit: int) -> list[LineStatus]:
        """Read kept lines of an order by line_id."""
        of_order = _LINES.where(_lines.c.order_id == order_id, _lines.c.line_id > after)
        found = await self._fetch(of_order.order_by(_lines.c.line_id).limit(limit))
        return [
            LineStatus(
                OrderLine(*row[:4]),
                LineState(row.state),
                row.sku_sequence,
                row.batch_reference,
                None if row.eta is None else rows.instant(row.eta),
            )
            for row in found
        ]

    async def outbox(self, limit: int) -> list[OutboxEvent]:
        """Read the events to be published next."""
        return [_outgoing(row) for row in await self._fetch(_OUTBOX.limit(limit))]

    async def outbox_positions(self, event_ids: Sequence[str]) -> list[int]:
        """Find which of these events wait to be published."""
        waiting = select(tables.outbox.c.position).join_from(
            tables.outbox, _events, tables.outbox.c.position == _events.c.position
        )
        return [row.position for row in await self._fetch(waiting.where(_events.c.event_id.in_(event_ids)))]

    async def logged_count(self, event_ids: Sequence[str]) -> int:
        """Count which of these events are in the log."""
        found = await self._fetch(select(func.count()).select_from(_events).where(_events.c.event_id.in_(event_ids)))
        return int(found[0][0])

    async def unfinished(self, limit: int) -> list[UnfinishedPromising]:
        """Read durable commands that wait to be continued."""
        found = await self._fetch(select(tables.internal_commands).order_by(tables.internal_commands.c.sku).limit(limit))
        return [UnfinishedPromising(*row) for row in found]

    async def stream(self, name: str) -> KnownStream | None:
        """Read what is known of a stream."""
        found = await self._fetch(select(tables.streams).where(tables.streams.c.name == name))
        return KnownStream(*found[0]) if found else None

    async def parked_messages(self, places: Sequence[StreamPlace]) -> list[ParkedMessage]:
        """Read parked messages, whatever became of them."""
        return [rows.parked(row) for row in await self._fetch(_PARKED, json_keys(places))]

    async def _fetch(self, query: Select[Any], parameters: Mapping[str, Any] | None = None) -> Sequence[Any]:
        try:
            async with asyncio.timeout(self._read_seconds_max), self._engine.connect() as connection:
                found: Sequence[Any] = (await connection.execute(query, parameters)).all()
                return found
        except TimeoutError as error:
            raise StoreUnavailableError(f"a read took longer than {self._read_seconds_max} seconds") from error
        except SQLAlchemyError as error:
            raise StoreUnavailableError(str(error.__cause__ or error)) from error


def _outgoing(row: Any) -> OutboxEvent:  # noqa: ANN401 - a row of SQLAlchemy, by name
    try:
        occurred_at = rows.instant(row.occurred_at)
    except rows.DAMAGES as error:
        raise rows.damaged(f"event {row.position} of the log", error) from error
    return OutboxEvent(
        position=row.position,
        event_id=row.event_id,
        type=row.type,
        subject=row.subject,
        sku=row.sku,
        payload=row.payload,
        occurred_at=occurred_at,
        correlation_id=row.correlation_id,
        causation_id=row.causation_id,
        traceparent=row.traceparent,
    )
