"""Reads the outbox and the log for those who compare them with the event stream; each read is short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from allocation.adapters.sql import rows, tables
from allocation.service_layer.records import KnownStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from sqlalchemy import Executable
    from sqlalchemy.ext.asyncio import AsyncEngine

PAGE_ROWS = 10_000
_events, _outbox = tables.events, tables.outbox
_WAITING = select(_outbox.c.position).join_from(_outbox, _events, _outbox.c.position == _events.c.position)


class PublicEvent(NamedTuple):
    """An event of the log that was, or is to be, published."""

    position: int
    event_id: str
    sku: str
    subject: str
    sku_sequence: int | None
    occurred_at: datetime


class OutboxReader:
    """Looks at a database that a service may be writing to."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def waiting(self) -> tuple[int, datetime | None]:
        """Answer how many events wait to be published, and when the first of them happened."""
        ((count, position),) = await self._fetch(select(func.count(), func.min(_outbox.c.position)))
        oldest = await self._fetch(select(_events.c.occurred_at).where(_events.c.position == position)) if count else []
        return count, _instant(position, oldest[0].occurred_at) if oldest else None

    async def waiting_among(self, event_ids: Sequence[str]) -> int:
        """Count which of these events wait to be published."""
        return len(await self._fetch(_WAITING.where(_events.c.event_id.in_(event_ids))))

    async def last_position(self) -> int:
        """Answer the position of the last event of the log, 0 if it is empty."""
        return (await self._fetch(select(func.max(_events.c.position))))[0][0] or 0

    async def waiting_positions(self, through: int) -> AsyncIterator[int]:
        """Go through the positions of the outbox, up to one."""
        after = 0
        while True:
            page = select(_outbox.c.position).where(_outbox.c.position > after, _outbox.c.position <= through)
            found = await self._fetch(page.order_by(_outbox.c.position).limit(PAGE_ROWS))
            for row in found:
                yield row.position
            if len(found) < PAGE_ROWS:
                return
            after = found[-1].position

    async def stream(self, name: str) -> KnownStream | None:
        """Read what is known of a stream."""
        found = await self._fetch(select(tables.streams).where(tables.streams.c.name == name))
        return KnownStream(*found[0]) if found else None

    async def public_events(self, through: int, since: datetime | None) -> AsyncIterator[PublicEvent]:
        """Go through the public events of the log up to a position, those that happened before `since` left out."""
        columns = _events.c["position", "event_id", "sku", "subject", "sku_sequence", "occurred_at"]
        public = select(*columns).where(_events.c.subject.is_not(None), _events.c.position <= through)
        if since is not None:
            public = public.where(_events.c.occurred_at >= rows.microseconds(since))
        after = 0
        while True:
            found = await self._fetch(public.where(_events.c.position > after).order_by(_events.c.position).limit(PAGE_ROWS))
            for row in found:
                yield _event(row)
            if len(found) < PAGE_ROWS:
                return
            after = found[-1].position

    async def by_ids(self, event_ids: Sequence[str]) -> dict[str, PublicEvent]:
        """Find the public events of these ids."""
        columns = _events.c["position", "event_id", "sku", "subject", "sku_sequence", "occurred_at"]
        found = select(*columns).where(_events.c.event_id.in_(event_ids), _events.c.subject.is_not(None))
        return {row.event_id: _event(row) for row in await self._fetch(found)}

    async def positions_of(self, event_ids: Sequence[str]) -> dict[str, int]:
        """Find where in the log the events of these ids are."""
        found = select(_events.c.event_id, _events.c.position).where(_events.c.event_id.in_(event_ids))
        return {row.event_id: row.position for row in await self._fetch(found)}

    async def _fetch(self, query: Executable) -> Sequence[Any]:
        async with self._engine.connect() as connection:
            found: Sequence[Any] = (await connection.execute(query)).all()
            return found


def _event(row: Any) -> PublicEvent:  # noqa: ANN401 - a row of SQLAlchemy
    position, event_id, sku, subject, sku_sequence, occurred_at = row
    return PublicEvent(position, event_id, sku, subject, sku_sequence, _instant(position, occurred_at))


def _instant(position: int, since_epoch: int) -> datetime:
    try:
        return rows.instant(since_epoch)
    except rows.DAMAGES as error:
        raise rows.damaged(f"event {position} of the log", error) from error
