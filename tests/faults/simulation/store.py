"""The memory store behind a commit that is slow, refused, unknown, or deadly; the store itself survives its service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from allocation.adapters.memory_transaction import MemoryTransaction
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from allocation.adapters.memory import MemoryStore
    from allocation.service_layer.store import Changes, Transaction
    from tests.faults.simulation.chance import Chance
    from tests.faults.simulation.trace import Trace

Result = TypeVar("Result")


class StoreRefusesError(Exception):
    """The database refuses what was written, as one does that finds a constraint broken: nothing happened."""


class UnwrittenTransaction(MemoryTransaction):
    """A transaction that is rolled back in the end."""

    def write(self, changes: Changes) -> None:
        """Write nothing."""


class UncertainStore:
    """One service's way to the store. `die` kills that service; whoever is dead waits here for ever."""

    def __init__(self, memory: MemoryStore, chance: Chance, trace: Trace, die: Callable[[str], None]) -> None:
        self._memory, self._chance, self._trace, self._die = memory, chance, trace, die
        self.is_dead = False

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work at the moment of its commit, if it comes to that."""
        chance = self._chance
        begun = self.began()
        await self._pass("store slow")
        if chance.befalls("store unavailable"):
            raise StoreUnavailableError("the store is away")
        if chance.befalls("store refuses"):
            work(UnwrittenTransaction(self._memory))
            raise StoreRefusesError("CHECK constraint failed")
        if chance.befalls("crash before commit"):
            work(UnwrittenTransaction(self._memory))
            await self._end("crash before commit")
        if chance.befalls("commit unknown, not done"):
            work(UnwrittenTransaction(self._memory))
            await self._pass("store slow")
            raise OutcomeUnknownError("the connection broke while it committed")
        result = self.commit(work, begun)
        if chance.befalls("crash after commit"):
            await self._end("crash after commit")
        if chance.befalls("commit unknown, done"):
            await self._pass("store slow")
            raise OutcomeUnknownError("the connection broke while it committed")
        await self._pass("store slow")
        return result

    def began(self) -> int:
        """Take what a transaction takes when it begins: nothing."""
        return 0

    def commit(self, work: Callable[[Transaction], Result], _begun: int) -> Result:
        """Do the work."""
        before = len(self._memory.log)
        result = work(MemoryTransaction(self._memory))
        self._trace.add("committed", *(f"{event.type}:{event.event_id}" for event in self._memory.log[before:]))
        return result

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """Answer a method of the reading side; each takes its time, or fails."""
        read = getattr(self._memory, name)

        async def look(*arguments: object) -> Any:  # noqa: ANN401 - each read has an answer of its own type
            await self._look()
            return await read(*arguments)

        return look

    async def _look(self) -> None:
        await self._pass("store slow")
        if self._chance.befalls("store cannot be read"):
            raise StoreUnavailableError("the store is away")

    async def _pass(self, slow: str) -> None:
        await asyncio.sleep(self._chance.latency(slow))
        if self.is_dead:
            await asyncio.get_running_loop().create_future()

    async def _end(self, how: str) -> None:
        self._die(how)
        await asyncio.get_running_loop().create_future()
