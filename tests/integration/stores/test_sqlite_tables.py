"""The tables: what they refuse, how they came to be, and how the file is opened."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import IntegrityError, OperationalError

from allocation.adapters.sql import tables
from allocation.adapters.sql.migrate import SchemaAheadError, upgrade
from allocation.adapters.sql.sqlite import open_sqlite
from allocation.adapters.startup_error import StartupError
from allocation.domain.order_line import LineState
from allocation.service_layer.store import Changes, Footprint, Loaded
from tests.integration.stores.examples import RUG, Opened, batch, event, on_batch, product, rows_of_everything, waiting
from tests.integration.stores.listening import engine_of, reading_engine_of

if TYPE_CHECKING:
    from pathlib import Path

    from allocation.adapters.sql.reader import SqlReader
    from allocation.adapters.sql.sqlite_store import SqliteStore
    from allocation.service_layer.store import Transaction

    OnSqlite = tuple[SqliteStore, SqlReader]


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        (Changes(new_batches=[batch("b1", 10, allocated=11)]), "never_oversold"),
        (Changes(new_batches=[batch("b1", 10, allocated=-1)]), "never_negative"),
        (Changes(new_lines=[waiting(1, quantity=0)]), "quantity_positive"),
        (Changes(new_lines=[replace(waiting(1), batch_reference="b1")]), "allocated_means_batch"),
        (Changes(new_lines=[replace(on_batch(1), batch_reference=None)]), "allocated_means_batch"),
        (Changes(new_lines=[on_batch(1), replace(on_batch(1), line=on_batch(2).line)]), "promise_number"),
        (Changes(new_lines=[waiting(1), waiting(1)]), "order_lines.order_id, order_lines.line_id"),
        (Changes(new_batches=[batch("b1"), batch("b1", sku="LAMP")]), "batches.reference"),
        (Changes(events=[event(1), event(1)]), "events.event_id"),
    ],
)
async def test_what_must_never_be_is_refused_by_the_tables(on_sqlite: OnSqlite, changes: Changes, constraint: str) -> None:
    opened = Opened(*on_sqlite)
    changes.products = [product()]
    with pytest.raises(IntegrityError, match=constraint):
        await opened.write(changes)
    assert await opened.load(Footprint(skus={RUG}, batches={"b1"})) == Loaded()


async def test_a_batch_cannot_become_oversold_either(on_sqlite: OnSqlite) -> None:
    opened = Opened(*on_sqlite)
    await opened.write(Changes(new_batches=[batch("b1", 10)]))
    with pytest.raises(IntegrityError, match="never_oversold"):
        await opened.write(Changes(changed_batches=[batch("b1", 10, allocated=11)]))


async def test_a_line_that_moves_keeps_batch_and_state_together(on_sqlite: OnSqlite) -> None:
    opened = Opened(*on_sqlite)
    await opened.write(Changes(new_lines=[on_batch(1)]))
    with pytest.raises(IntegrityError, match="allocated_means_batch"):
        await opened.write(Changes(changed_lines=[replace(on_batch(1), state=LineState.BACKORDERED)]))


async def test_work_that_fails_after_it_wrote_has_written_nothing(on_sqlite: OnSqlite) -> None:
    def work(transaction: Transaction) -> None:
        transaction.write(rows_of_everything())
        raise ZeroDivisionError("a bug")

    store, reader = on_sqlite
    with pytest.raises(ZeroDivisionError, match="a bug"):
        await store.transact(work)
    assert await Opened(store, reader).load(Footprint(skus={RUG}, batches={"b1"})) == Loaded()
    assert await reader.outbox(10) == []


async def test_the_writer_is_durable_and_the_readers_never_write(on_sqlite: OnSqlite) -> None:
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "query_only": 0, "wal_autocheckpoint": 1_000}
    with engine_of(on_sqlite[0]).connect() as writer:
        assert {name: writer.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in expected} == expected
    expected = {"journal_mode": "wal", "query_only": 1, "wal_autocheckpoint": 0}
    async with reading_engine_of(on_sqlite[1]).connect() as connection:
        found = {name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one() for name in expected}
        assert found == expected
        with pytest.raises(OperationalError, match="readonly"):
            await connection.exec_driver_sql("DELETE FROM outbox")


async def test_everything_is_there_when_the_file_is_opened_again(path: Path) -> None:
    async with open_sqlite(path) as opened:
        await Opened(*opened).write(rows_of_everything())
    async with open_sqlite(path) as (store, reader):
        loaded = await Opened(store, reader).load(Footprint(skus={RUG}, batches={"b1"}, changed_batches={"b1"}))
        assert (len(loaded.products), len(loaded.batches), len(loaded.latest["b1"].lines)) == (1, 1, 1)
        assert len(await reader.outbox(10)) == 1


async def test_a_clean_end_leaves_one_file(path: Path) -> None:
    async with open_sqlite(path) as opened:
        await Opened(*opened).write(rows_of_everything())
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_migrations_make_the_tables(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        upgrade(connection)
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    engine.dispose()


def test_the_migrations_make_the_same_text_as_the_tables(path: Path) -> None:
    migrated, created = create_engine(f"sqlite:///{path}"), create_engine("sqlite://")
    with migrated.connect() as connection:
        upgrade(connection)
        by_migration = _schema(connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all())
    with created.connect() as connection:
        tables.metadata.create_all(connection)
        by_tables = _schema(connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all())
    for engine in (migrated, created):
        engine.dispose()
    assert by_migration == by_tables, "constraints, partial indexes and WITHOUT ROWID too"


def _schema(rows: object) -> dict[str, list[str]]:
    assert isinstance(rows, list)
    return {
        name: sorted(
            part.strip() for part in re.split(r",\s|\n", sql) if part.strip()
        )  # a column that was added stands in no line of its own
        for name, sql in rows
        if sql is not None and name != "alembic_version"
    }


def test_upgrading_twice_is_harmless(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        upgrade(connection)
        before = set(inspect(connection).get_table_names())
        connection.rollback()
        upgrade(connection)
        assert set(inspect(connection).get_table_names()) == before == {*tables.metadata.tables, "alembic_version"}
    engine.dispose()


async def open_and_close(path: Path) -> None:
    async with open_sqlite(path):
        pass


def test_a_link_to_a_database_is_refused_as_the_lock_of_its_folder_is_not_that_of_the_database(path: Path) -> None:
    asyncio.run(open_and_close(path))
    link = path.parent / "elsewhere" / path.name
    link.parent.mkdir()
    link.symlink_to(path)
    with pytest.raises(StartupError, match=f"name {path} itself"):
        asyncio.run(open_and_close(link))


def test_a_database_with_another_name_elsewhere_is_refused(path: Path) -> None:
    asyncio.run(open_and_close(path))
    backup = path.parent / "backup.sqlite3"
    backup.hardlink_to(path)
    for name in (path, backup):
        with pytest.raises(StartupError, match=f"{name} has 2 names"):
            asyncio.run(open_and_close(name))
    backup.unlink()
    asyncio.run(open_and_close(path))


def test_a_database_of_a_newer_release_is_refused_and_not_touched(path: Path) -> None:
    asyncio.run(open_and_close(path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(SchemaAheadError, match="revision 9999, which this release does not know: run a newer release"):
        asyncio.run(open_and_close(path))
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_not_touched(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 500)
    with pytest.raises(StartupError, match=r"stock\.sqlite3 cannot be opened: file is not a database"):
        asyncio.run(open_and_close(path))
    assert path.read_bytes() == b"Dear diary, " * 500
