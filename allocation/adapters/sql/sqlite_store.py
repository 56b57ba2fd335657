"""The writing side in SQLite: one connection, one transaction at a time, and what a failure of it means."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from allocation.adapters.sql.migrate import upgrade
from allocation.adapters.sql.statements import Statements
from allocation.adapters.sql.transaction import SqlTransaction
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

    from allocation.service_layer.store import Transaction

log = structlog.get_logger()
Result = TypeVar("Result")


class SqliteStore:
    """Keeps the promise of `service_layer.store.Store` on the one connection of an engine that writes.

    A whole transaction runs in a thread of its own, the work included: handing each statement to a thread and back would cost
    more than the statements.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._statements = Statements(engine.dialect)
        self._connection: Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")

    async def upgrade(self) -> None:
        """Bring the tables up to date. Raises as `migrate.upgrade`, and whatever the database raises."""
        await self._in_thread(self._upgrade)

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work in one transaction, and answer its result when it is durable."""
        return await self._in_thread(lambda: self._transact(work))

    async def close(self) -> None:
        """Give the connection back, after the transaction that still runs; the next one opens another."""
        await self._in_thread(self._disconnect)

    async def _in_thread(self, act: Callable[[], Result]) -> Result:
        """Act after all that was begun: two threads must never touch the connection, also when a caller is cancelled."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, act)

    def _upgrade(self) -> None:
        with self._engine.connect() as connection:
            upgrade(connection)

    def _transact(self, work: Callable[[Transaction], Result]) -> Result:
        try:
            connection = self._connect()
            connection.begin()
        except DBAPIError as error:
            self._disconnect()
            raise StoreUnavailableError(_said(error)) from error
        try:
            result = work(SqlTransaction(connection, self._statements))
        except BaseException as error:
            self._roll_back(connection)
            if (failure := _failure_of_the_store(error)) is not None:
                raise StoreUnavailableError(_said(failure)) from error
            raise
        try:
            connection.commit()
        except DBAPIError as error:
            self._disconnect()
            raise OutcomeUnknownError(_said(error)) from error
        return result

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _roll_back(self, connection: Connection) -> None:
        try:
            connection.rollback()
        except DBAPIError as error:
            log.warning("connection broke while rolling back", error=_said(error))
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except DBAPIError as error:
                log.warning("connection broke while closing", error=_said(error))


def _failure_of_the_store(error: BaseException | None) -> DBAPIError | None:
    """Answer what the database could not do, also where it was met inside the work: a page of lines is loaded in a handler."""
    while error is not None and not isinstance(error, OperationalError | InterfaceError):
        error = error.__cause__
    return error


def _said(error: DBAPIError) -> str:
    return str(error.orig or error)
