"""SQLite as we open it: one writer that also checkpoints, readers that never do, and every commit on the disk."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from allocation.adapters.sql.migrate import require_current
from allocation.adapters.sql.reader import SqlReader
from allocation.adapters.sql.sqlite_store import SqliteStore
from allocation.adapters.startup_error import StartupError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

_WRITER = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON", "wal_autocheckpoint=1000")
_READER = ("query_only=ON", "busy_timeout=1000", "wal_autocheckpoint=0")


@asynccontextmanager
async def open_sqlite(
    path: Path, *, readers_max: int = 4, read_seconds_max: float = 5.0
) -> AsyncIterator[tuple[SqliteStore, SqlReader]]:
    """Open a database file, bring its tables up to date, and close it at the end.

    SQLite before 3.51.3 can corrupt a write-ahead log that two connections checkpoint, so one alone does.

    Raises:
        StartupError: the file is no database, cannot be written to, or has other names.
        SchemaAheadError: it was last used by a newer release.

    """
    _require_its_only_name(path)
    writer = create_engine(
        URL.create("sqlite", database=str(path)), poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    readers = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        pool_size=readers_max,
        max_overflow=0,
        pool_timeout=read_seconds_max,
    )
    _prepare(writer, _WRITER)
    _prepare(readers.sync_engine, _READER)
    _begin_immediately(writer)
    store = SqliteStore(writer)
    try:
        try:
            await store.upgrade()
        except DBAPIError as error:
            raise StartupError(f"the database {path} cannot be opened: {error.orig}; restore it, or move it away") from error
        yield store, SqlReader(readers, read_seconds_max)
    finally:
        await readers.dispose()
        await store.close()
        writer.dispose()


def _require_its_only_name(path: Path) -> None:
    """Refuse a file that another service could open by another name: the lock of this folder would not keep it from that."""
    if path.is_symlink():
        raise StartupError(
            f"the database {path} is a symbolic link, and the lock of the link's folder guards no file elsewhere; "
            f"name {path.resolve()} itself (a link to its folder does no harm)"
        )
    if path.is_file() and (names := path.stat().st_nlink) > 1:
        raise StartupError(
            f"the database {path} has {names} names (hard links), and a service could run on each: stop them, keep the name "
            "that has a -wal file beside it, for the last commits are there, and remove the others "
            f"(find / -xdev -samefile {path})"
        )


@asynccontextmanager
async def open_for_reading(path: Path, *, any_revision: bool = False) -> AsyncIterator[AsyncEngine]:
    """Open a database file that is there to look at it, whether a service writes to it or not; one that is not, is not made.

    `any_revision`: whatever its tables are; only what they are can then be asked.

    Raises:
        StartupError: it is not there, it is no database, or its tables are of another release.

    """
    engine = create_async_engine(_of_existing(path))
    _prepare(engine.sync_engine, _READER)
    try:
        try:
            async with engine.connect() as connection:
                await connection.run_sync(_require_readable if any_revision else require_current)
        except DBAPIError as error:
            raise StartupError(f"the database {path} cannot be read: {error.orig}") from error
        yield engine
    finally:
        await engine.dispose()


def writer_pragmas() -> dict[str, str]:
    """Say how the service opens the one connection that writes."""
    return dict(pragma.split("=") for pragma in _WRITER)


def _of_existing(path: Path) -> URL:
    # `rw` makes no database. Nor does `ro`, but that leaves files of the write-ahead log behind, which `rw` takes away.
    return URL.create("sqlite+aiosqlite", database=path.absolute().as_uri(), query={"mode": "rw", "uri": "true"})


def _require_readable(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")


def _prepare(engine: Engine, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection has no type
        # The driver must begin nothing by itself: transactions are begun by the listener below, or not at all.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()


def _begin_immediately(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
