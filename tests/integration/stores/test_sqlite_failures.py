"""A disk that is full, a file that is locked, a connection that broke: nothing happened, and later it goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import OperationalError

from allocation.adapters.sql.sqlite import open_sqlite
from allocation.service_layer.messagebus import CommandCrashed
from allocation.service_layer.store import Changes, Footprint, Loaded, StoreUnavailableError
from tests.integration.stores.examples import RUG, Opened, event, rows_of_everything
from tests.integration.stores.listening import engine_of

if TYPE_CHECKING:
    from pathlib import Path

    from allocation.adapters.sql.reader import SqlReader
    from allocation.adapters.sql.sqlite_store import SqliteStore
    from allocation.service_layer.store import Transaction

    OnSqlite = tuple[SqliteStore, SqlReader]

EVERYTHING = Footprint(skus={RUG}, batches={"b1"})


def pragma(store: SqliteStore, text: str) -> int:
    """Set or ask a pragma on the one connection that writes."""
    with engine_of(store).connect() as connection:
        return int(connection.exec_driver_sql(f"PRAGMA {text}").scalar_one())


async def check_it_goes_on(on_sqlite: OnSqlite) -> None:
    opened = Opened(*on_sqlite)
    await opened.write(rows_of_everything())
    assert len((await opened.load(EVERYTHING)).batches) == 1
    assert len(await opened.reader.outbox(10)) == 1


async def test_a_full_disk_is_a_store_that_is_away_until_there_is_room(on_sqlite: OnSqlite) -> None:
    store, reader = on_sqlite
    pages = pragma(store, "page_count")
    pragma(store, f"max_page_count={pages}")
    large = [event(number) for number in range(1, 3_000)]
    with pytest.raises(StoreUnavailableError, match="database or disk is full"):
        await Opened(store, reader).write(Changes(events=large))
    assert await reader.outbox(10) == []
    pragma(store, "max_page_count=1000000")
    await check_it_goes_on(on_sqlite)


async def test_a_store_that_fails_inside_a_command_is_away_and_the_command_no_bug(on_sqlite: OnSqlite) -> None:
    store, _ = on_sqlite

    def work(transaction: Transaction) -> None:
        pragma_on(transaction, "query_only=ON")
        try:
            transaction.write(rows_of_everything())
        except OperationalError as failure:
            raise CommandCrashed(0) from failure
        finally:
            pragma_on(transaction, "query_only=OFF")

    with pytest.raises(StoreUnavailableError, match="readonly"):
        await store.transact(work)
    await check_it_goes_on(on_sqlite)


def pragma_on(transaction: Transaction, text: str) -> None:
    """Set a pragma inside a transaction."""
    transaction._connection.exec_driver_sql(f"PRAGMA {text}")  # type: ignore[attr-defined] # noqa: SLF001 - the disk fails on order


async def test_a_store_that_cannot_write_is_away_until_it_can(on_sqlite: OnSqlite) -> None:
    store, reader = on_sqlite
    with engine_of(store).connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(StoreUnavailableError, match="readonly"):
        await Opened(store, reader).write(rows_of_everything())
    assert await reader.batch("b1") is None
    with engine_of(store).connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=OFF")
    await check_it_goes_on(on_sqlite)


async def test_a_file_that_somebody_else_locks_is_a_store_that_is_away(on_sqlite: OnSqlite, path: Path) -> None:
    store, reader = on_sqlite
    with engine_of(store).connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="database is locked"):
            await Opened(store, reader).write(rows_of_everything())
        other.execute("ROLLBACK")
    await check_it_goes_on(on_sqlite)


async def test_a_connection_that_broke_is_replaced(on_sqlite: OnSqlite) -> None:
    store, reader = on_sqlite
    opened = Opened(store, reader)
    await opened.load(EVERYTHING)
    await store.close()
    await check_it_goes_on(on_sqlite)
    assert pragma(store, "synchronous") == 2, "opened as the first one was"


async def test_a_driver_whose_connection_was_closed_under_it_is_a_store_that_is_away(on_sqlite: OnSqlite) -> None:
    store, _ = on_sqlite
    await Opened(*on_sqlite).load(EVERYTHING)
    raw = engine_of(store).raw_connection().driver_connection
    assert raw is not None
    raw.close()
    with pytest.raises(StoreUnavailableError):
        await Opened(*on_sqlite).write(rows_of_everything())
    await check_it_goes_on(on_sqlite)


async def test_a_query_that_takes_too_long_is_given_up(on_sqlite: OnSqlite) -> None:
    _, reader = on_sqlite
    reader._read_seconds_max = 0.0  # noqa: SLF001 - any query takes too long now
    with pytest.raises(StoreUnavailableError, match="a read took longer than 0"):
        await reader.batch("b1")
    reader._read_seconds_max = 20.0  # noqa: SLF001 - and none does now
    assert await reader.batch("b1") is None


async def test_readers_see_what_was_committed_while_a_transaction_runs(on_sqlite: OnSqlite) -> None:
    store, reader = on_sqlite
    await Opened(store, reader).write(Changes(events=[event(1)]))
    with engine_of(store).connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("DELETE FROM outbox")
        assert [waiting.event_id for waiting in await reader.outbox(10)] == ["event-1"]
        transaction.rollback()


async def test_a_caller_that_is_cancelled_leaves_no_transaction_behind(on_sqlite: OnSqlite) -> None:
    opened = Opened(*on_sqlite)
    for yields in range(12):
        writing = asyncio.create_task(opened.write(Changes(events=[event(100 + yields)])))
        for _ in range(yields):
            await asyncio.sleep(0)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        assert await opened.load(EVERYTHING) == Loaded()
    await check_it_goes_on_after(opened)


async def check_it_goes_on_after(opened: Opened) -> None:
    await opened.write(rows_of_everything())
    assert len((await opened.load(EVERYTHING)).batches) == 1


async def test_an_opening_that_is_cancelled_at_any_moment_closes_after_itself(path: Path) -> None:
    for yields in range(0, 2_000, 20):
        opening = asyncio.create_task(open_and_close(path.with_name(f"{yields}.sqlite3")))
        for _ in range(yields):
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
    await open_and_close(path)


async def open_and_close(path: Path) -> None:
    async with open_sqlite(path):
        pass
