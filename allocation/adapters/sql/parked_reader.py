"""Parked messages as operators look at them: by when, where from and why, with what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import SQLAlchemyError

from allocation.adapters.sql import rows, tables
from allocation.service_layer.records import Ending
from allocation.service_layer.store import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from typing import Any

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncEngine

    from allocation.service_layer.housekeeping import ParkingReason
    from allocation.service_layer.records import ParkedMessage, StreamPlace

_parked = tables.parked_messages
_PAGE_MESSAGES = 500


@dataclass(frozen=True, slots=True)
class ParkedWhere:
    """Which parked messages: those that each condition holds of that is given; `since` is included, `until` is not."""

    subject: str | None = None
    reason: ParkingReason | None = None
    since: datetime | None = None
    until: datetime | None = None
    with_ended: bool = False
    """Those, too, that ended: replayed or discarded."""


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """A parked message, and what became of it; `ending` is None while it is parked."""

    message: ParkedMessage
    ending: Ending | None


class ParkedReader:
    """Reads in the order of the streams, some hundred messages at a time, however many there are."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def find(self, where: ParkedWhere) -> AsyncIterator[KeptMessage]:
        """Read those that the conditions hold of. Raises StoreUnavailableError."""
        last: StreamPlace | None = None
        while page := await self._page(_conditions(where), last):
            for kept in page:
                yield kept
            if len(page) < _PAGE_MESSAGES:
                return
            last = page[-1].message.place

    async def at(self, place: StreamPlace) -> KeptMessage | None:
        """Read one message. Raises StoreUnavailableError."""
        here = (_parked.c.stream == place.stream, _parked.c.incarnation == place.incarnation)
        found = await self._page([*here, _parked.c.sequence == place.sequence], None)
        return found[0] if found else None

    async def _page(self, conditions: list[ColumnElement[bool]], last: StreamPlace | None) -> list[KeptMessage]:
        after = [] if last is None else [_is_after(last)]
        query = select(_parked).where(*conditions, *after).order_by(*_parked.primary_key).limit(_PAGE_MESSAGES)
        try:
            async with self._engine.connect() as connection:
                return [_kept(row) for row in await connection.execute(query)]
        except SQLAlchemyError as error:
            raise StoreUnavailableError(f"parked messages cannot be read: {error.__cause__ or error}") from error


def _conditions(where: ParkedWhere) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if where.subject is not None:
        conditions.append(_parked.c.subject == where.subject)
    if where.reason is not None:
        conditions.append(_parked.c.reason == where.reason.value)
    if where.since is not None:
        conditions.append(_parked.c.parked_at >= rows.microseconds(where.since))
    if where.until is not None:
        conditions.append(_parked.c.parked_at < rows.microseconds(where.until))
    if not where.with_ended:
        conditions.append(_parked.c.ending.is_(None))
    return conditions


def _is_after(place: StreamPlace) -> ColumnElement[bool]:
    columns = _parked.c
    same_stream = columns.stream == place.stream
    return or_(
        columns.stream > place.stream,
        and_(same_stream, columns.incarnation > place.incarnation),
        and_(same_stream, columns.incarnation == place.incarnation, columns.sequence > place.sequence),
    )


def _kept(row: Any) -> KeptMessage:  # noqa: ANN401 - a row of SQLAlchemy, by name
    message = rows.parked(row)
    if row.ending is None:
        return KeptMessage(message, None)
    try:
        return KeptMessage(message, Ending(row.ending, row.ending_detail, rows.instant(row.ended_at)))
    except rows.DAMAGES as error:
        raise rows.damaged(f"parked message {row.stream}/{row.incarnation}/{row.sequence}", error) from error
