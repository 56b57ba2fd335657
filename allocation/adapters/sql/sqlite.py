"""SQLite as we open it: one writer that also checkpoints, readers that never do, and every commit on the disk."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from allocation.adapters.sql.migrate import upgrade
from allocation.adapters.sql.reader import SqlReader
from allocation.adapters.sql.store import SqlStore
from allocation.adapters.startup_error import StartupError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy import Connection

_WRITER = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON", "wal_autocheckpoint=1000")
_READER = ("query_only=ON", "busy_timeout=1000", "wal_autocheckpoint=0")


@asynccontextmanager
async def open_sqlite(
    path: Path, *, readers_max: int = 4, read_seconds_max: float = 5.0
) -> AsyncIterator[tuple[SqlStore, SqlReader]]:
    """Open a database file, bring its tables up to date, and close it at the end.

    SQLite before 3.51.3 can corrupt a write-ahead log that two connections checkpoint, so one alone does.

    Raises:
        StartupError: the file is no database, or cannot be written to.
        SchemaAheadError: it was last used by a newer release.

    """
    writer = _engine(path, _WRITER, poolclass=StaticPool)
    readers = _engine(path, _READER, pool_size=readers_max, max_overflow=0, pool_timeout=read_seconds_max)
    _begin_immediately(writer)
    store = SqlStore(writer)
    try:
        try:
            async with writer.connect() as connection:
                await connection.run_sync(upgrade)
        except DBAPIError as error:
            raise StartupError(f"the database {path} cannot be opened: {error.orig}; restore it, or move it away") from error
        yield store, SqlReader(readers, read_seconds_max)
    finally:
        await readers.dispose()
        await store.close()
        await writer.dispose()


def _engine(path: Path, pragmas: tuple[str, ...], **pool: Any) -> AsyncEngine:  # noqa: ANN401 - SQLAlchemy's own arguments
    engine = create_async_engine(URL.create("sqlite+aiosqlite", database=str(path)), **pool)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection has no type
        # The driver must begin nothing by itself: transactions are begun by the listener below, or not at all.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _begin_immediately(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
