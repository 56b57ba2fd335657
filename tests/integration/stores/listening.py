"""Listens to the statements that an SQLite store executes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    from allocation.adapters.sql.reader import SqlReader
    from allocation.adapters.sql.sqlite_store import SqliteStore

Statement = tuple[str, Any]


def engine_of(store: SqliteStore) -> Engine:
    """Answer the engine that a store writes with."""
    return store._engine  # noqa: SLF001 - what is promised of SQLite shows on the connection alone


def reading_engine_of(reader: SqlReader) -> AsyncEngine:
    """Answer the engine that a reader reads with."""
    return reader._engine  # noqa: SLF001 - as above


@contextmanager
def listening(engine: Engine) -> Iterator[list[Statement]]:
    """Collect (statement, parameters) of everything that is executed meanwhile."""
    heard: list[Statement] = []

    def hear(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:  # noqa: ANN401 - any
        heard.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(engine, "before_cursor_execute", hear)
