"""What can be seen of a database from outside: how the file is, what its tables are, what waits in them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from allocation.adapters.sql import rows, tables
from allocation.adapters.sql.migrate import revisions
from allocation.adapters.sql.sqlite import open_for_reading
from allocation.service_layer.records import KnownStream

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

SQLITE_VERSION = sqlite3.sqlite_version
_SHOWN_MAX = 5


@dataclass
class Inspection:
    """What was found. What the tables hold is known only if they are of this release's revision."""

    journal_mode: str
    revision: str | None
    revision_here: str | None
    is_revision_known: bool
    damages: list[str] | None = None
    """What SQLite's own checks say, a few of it; None: they were not asked."""
    newest_event_at: datetime | None = None
    outbox_rows: int = 0
    outbox_oldest_at: datetime | None = None
    parked_rows: int = 0
    parked_oldest_at: datetime | None = None
    streams: dict[str, KnownStream] = field(default_factory=dict)

    @property
    def is_current(self) -> bool:
        """Whether the tables are of this release."""
        return self.revision == self.revision_here


async def inspect(path: Path, *, thorough: bool) -> Inspection:
    """Look at a database file; `thorough`: read all of it, which takes its time.

    Raises:
        StartupError: it is no database, or cannot be read.
        sqlalchemy.exc.DBAPIError: it can no more.

    """
    async with open_for_reading(path, any_revision=True) as engine, engine.connect() as connection:
        journal_mode = str((await connection.execute(text("PRAGMA journal_mode"))).scalar())
        found = Inspection(journal_mode, *await connection.run_sync(revisions))
        if thorough:
            found.damages = await _damages(connection)
        if found.is_current:
            await _look_into_tables(connection, found)
        return found


async def _damages(connection: AsyncConnection) -> list[str]:
    try:
        checked = await connection.execute(text(f"PRAGMA quick_check({_SHOWN_MAX})"))
        said = [str(row[0]) for row in checked if row[0] != "ok"]
        orphans = await connection.execute(text("PRAGMA foreign_key_check"))
    except DBAPIError as malformed:  # So much that it cannot even be checked.
        return [str(malformed.orig)]
    return said + [
        f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there" for row in orphans.fetchmany(_SHOWN_MAX)
    ]


async def _look_into_tables(connection: AsyncConnection, found: Inspection) -> None:
    events, outbox, parked = tables.events, tables.outbox, tables.parked_messages
    newest = await connection.execute(select(events.c.occurred_at).order_by(events.c.position.desc()).limit(1))
    found.newest_event_at = _instant(newest.scalar())
    found.outbox_rows = (await connection.execute(select(func.count()).select_from(outbox))).scalar() or 0
    oldest = select(events.c.occurred_at).join(outbox, outbox.c.position == events.c.position).order_by(outbox.c.position)
    found.outbox_oldest_at = _instant((await connection.execute(oldest.limit(1))).scalar())
    waiting = select(func.count(), func.min(parked.c.parked_at)).where(parked.c.ending.is_(None))
    count, first = (await connection.execute(waiting)).one()
    found.parked_rows, found.parked_oldest_at = count, _instant(first)
    found.streams = {row[0]: KnownStream(*row) for row in await connection.execute(select(tables.streams))}


def _instant(since_epoch: int | None) -> datetime | None:
    return None if since_epoch is None else rows.instant(since_epoch)
