"""Stores and readers that are broken on purpose."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from allocation.adapters.memory import MemoryStore
from allocation.service_layer.store import OutcomeUnknownError
from allocation.service_layer.streams import BrokerUnavailableError
from tests.faults.simulation.wrapped import Wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from allocation.service_layer.records import LoggedEvent
    from allocation.service_layer.store import Changes, Footprint, Loaded, Store, Transaction
    from allocation.service_layer.streams import EventStream, OutboxEvent
    from allocation.service_layer.views import Reader
    from tests.faults.simulation.world import World

Result = TypeVar("Result")


class _ForgetfulTransaction(Wrapped):
    """A transaction that does not find some of what was written."""

    def __init__(self, transaction: Transaction, forgotten: dict[str, Any]) -> None:
        super().__init__(transaction)
        self._forgotten = forgotten

    def load(self, footprint: Footprint) -> Loaded:
        """Load all but that."""
        return replace(cast("Loaded", self._inner.load(footprint)), **self._forgotten)


class ForgetfulStore(Wrapped):
    """A store whose transactions are forgetful."""

    def __init__(self, store: Store, forgotten: str) -> None:
        super().__init__(store)
        self._forgotten = forgotten

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work."""
        return cast(
            "Result",
            await self._inner.transact(
                lambda inside: work(cast("Transaction", _ForgetfulTransaction(inside, {self._forgotten: {}})))
            ),
        )


class CursorReader(Wrapped):
    """A reader that finds no event at or below the highest position published so far; the store keeps that too."""

    def __init__(self, reader: Reader, published: list[int]) -> None:
        super().__init__(reader)
        self._published = published

    async def outbox(self, limit: int) -> Sequence[OutboxEvent]:
        """Read above the cursor."""
        found = await self._inner.outbox(1_000_000)
        return [event for event in found if event.position > max(self._published, default=0)][:limit]


class CursorStore(Wrapped):
    """A store that moves the cursor in the transaction that forgets published events."""

    def __init__(self, store: Store, published: list[int]) -> None:
        super().__init__(store)
        self._published = published

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work."""
        return cast(
            "Result",
            await self._inner.transact(lambda inside: work(cast("Transaction", _CursorTransaction(inside, self._published)))),
        )


class _CursorTransaction(Wrapped):
    def __init__(self, transaction: Transaction, published: list[int]) -> None:
        super().__init__(transaction)
        self._published = published

    def write(self, changes: Changes) -> None:
        """Write, and move the cursor."""
        self._inner.write(changes)
        self._published.extend(changes.published)


class UnknownIsRefused(Wrapped):
    """A store that does not tell an unknown commit from a refused one."""

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work."""
        try:
            return cast("Result", await self._inner.transact(work))
        except OutcomeUnknownError as error:
            raise ConnectionError(str(error)) from error


class PublishesAtOnce(Wrapped):
    """A store that keeps no outbox: what was committed is published right away, once, by nobody who would try again."""

    def __init__(self, store: Store, events: EventStream, world: World) -> None:
        super().__init__(store)
        self._events = events
        self._memory = world.memory
        self._publishing: dict[asyncio.Task[None], None] = {}
        self._turn = asyncio.Lock()

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work, and publish."""
        unpublished: dict[int, LoggedEvent] = {}
        try:
            return cast("Result", await self._inner.transact(lambda inside: self._noting(work, inside, unpublished)))
        finally:
            publishing = asyncio.ensure_future(self._publish(unpublished))
            self._publishing[publishing] = None
            publishing.add_done_callback(self._publishing.pop)

    def _noting(
        self, work: Callable[[Transaction], Result], inside: Transaction, unpublished: dict[int, LoggedEvent]
    ) -> Result:
        result = work(inside)
        unpublished.update(self._memory.unpublished)
        self._memory.unpublished.clear()
        return result

    async def _publish(self, unpublished: dict[int, LoggedEvent]) -> None:
        async with self._turn:
            if unpublished:
                with suppress(BrokerUnavailableError):
                    await self._events.publish(await MemoryStore(unpublished=unpublished).outbox(len(unpublished)))
