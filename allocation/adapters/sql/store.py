"""The writing side in SQL: one connection, one transaction at a time, and what a failure of it means."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from allocation.adapters.sql.statements import Statements
from allocation.adapters.sql.transaction import SqlTransaction
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from allocation.service_layer.store import Transaction

log = structlog.get_logger()
Result = TypeVar("Result")


class SqlStore:
    """Keeps the promise of `service_layer.store.Store` on the one connection of an engine that writes."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._statements = Statements(engine.dialect)
        self._connection: AsyncConnection | None = None

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work in one transaction, and answer its result when it is durable."""
        try:
            connection = await self._connect()
            await connection.begin()
        except DBAPIError as error:
            await self.close()
            raise StoreUnavailableError(_said(error)) from error
        try:
            result = await connection.run_sync(self._run, work)
        except BaseException as error:
            await self._roll_back(connection)
            if isinstance(error, OperationalError | InterfaceError):
                raise StoreUnavailableError(_said(error)) from error
            raise
        try:
            await connection.commit()
        except DBAPIError as error:
            await self.close()
            raise OutcomeUnknownError(_said(error)) from error
        return result

    async def close(self) -> None:
        """Give the connection back; the next transaction opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.invalidate()
                await connection.close()
            except DBAPIError as error:
                log.warning("connection broke while closing", error=_said(error))

    async def _connect(self) -> AsyncConnection:
        if self._connection is None:
            self._connection = await self._engine.connect()
        return self._connection

    async def _roll_back(self, connection: AsyncConnection) -> None:
        try:
            await connection.rollback()
        except DBAPIError as error:
            log.warning("connection broke while rolling back", error=_said(error))
            await self.close()

    def _run(self, connection: Connection, work: Callable[[Transaction], Result]) -> Result:
        return work(SqlTransaction(connection, self._statements))


def _said(error: DBAPIError) -> str:
    return str(error.orig or error)
