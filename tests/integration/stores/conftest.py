"""A store and its reader for each test, once for each kind: another kind joins by one line in STORES."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from allocation.adapters.memory import MemoryStore
from allocation.adapters.sql.sqlite import open_sqlite
from tests.integration.stores.examples import Opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from allocation.adapters.sql.reader import SqlReader
    from allocation.adapters.sql.sqlite_store import SqliteStore


@asynccontextmanager
async def memory(_folder: Path) -> AsyncIterator[Opened]:
    """Open a store in memory."""
    store = MemoryStore()
    yield Opened(store, store)


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Opened]:
    """Open a new SQLite file."""
    async with open_sqlite(folder / "stock.sqlite3") as opened:
        yield Opened(*opened)


STORES = {"memory": memory, "sqlite": sqlite}


@pytest.fixture(params=STORES)
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    """An empty store of each kind."""
    async with STORES[request.param](tmp_path) as store_and_reader:
        yield store_and_reader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the SQLite file of the test is."""
    return tmp_path / "stock.sqlite3"


@pytest.fixture
async def on_sqlite(path: Path) -> AsyncIterator[tuple[SqliteStore, SqlReader]]:
    """An empty SQLite file, opened."""
    async with open_sqlite(path) as store_and_reader:
        yield store_and_reader
