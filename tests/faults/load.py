"""A load of concurrent callers and publishers who go on while the service dies under them, and remember what they asked."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from tests.faults.callers import CALL_SECONDS, SKUS, Callers
from tests.faults.ledger import Ledger
from tests.faults.publishers import Publishers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence
    from contextlib import AbstractAsyncContextManager

    import grpc
    from google.protobuf.message import Message
    from stock.allocation.v1.allocation_service_pb2 import AllocateRequest

    from tests.faults.evidence import Stored

SEED = int(os.environ.get("FAULTS_SEED", "0")) or random.randrange(1, 10**6)  # noqa: S311 - varies the load, keeps no secret
__all__ = ["SEED", "SKUS", "Load"]


class Load:
    """Callers who allocate by RPC, and one who manages batches; a publisher of stock, and one of orders; over a few skus.

    `call_seconds` is how long a caller waits for an answer. An answer with one of the `tolerated` codes counts as none.
    With `identified`, every message has an identity of its own, not every second one.
    """

    def __init__(  # noqa: PLR0913 - where to, and how it differs from others, each by keyword
        self,
        grpc_address: str,
        nats_url: str,
        *,
        seed: int = SEED,
        call_seconds: float = CALL_SECONDS,
        tolerated: tuple[grpc.StatusCode, ...] = (),
        identified: bool = False,
    ) -> None:
        self.ledger = Ledger()
        self.seed = seed
        self._callers = Callers(grpc_address, self.ledger, seed, call_seconds, tolerated)
        self._publishers = Publishers(nats_url, self.ledger, seed, identified=identified)
        self._rounds = 0

    async def stock_up(self, batches_each: int = 3) -> None:
        """Create the first batches of every sku, and wait for them."""
        for request in await self._callers.stock_up(batches_each):
            self._publishers.stock[request.batch_reference] = request

    async def run(self, *, callers: int = 4, calls: int = 60, messages: int = 60, managers: int = 1) -> None:
        """Ask for `callers * calls` lines and `managers * calls` changes; publish `messages` of stock and as many orders."""
        await self._run(lambda: _counted(calls), lambda: _counted(messages), callers=callers, managers=managers)

    async def call(self, *, callers: int = 4, calls: int = 60, managers: int = 0) -> None:
        """Ask for `callers * calls` lines and `managers * calls` changes by RPC, and need no broker for it."""
        await self._run(lambda: _counted(calls), None, callers=callers, managers=managers)

    @asynccontextmanager
    async def going_on(self, *, callers: int = 4, managers: int = 1, pause_seconds: float = 0.02) -> AsyncIterator[None]:
        """Ask and publish as long as the context is open; each pauses between two requests."""
        enough = asyncio.Event()

        def turns() -> AsyncIterator[int]:
            return _until(enough, pause_seconds)

        loading = asyncio.create_task(self._run(turns, turns, callers=callers, managers=managers))
        try:
            yield
        except BaseException:
            if loading.done():
                await loading  # What ended it explains what was waited for in vain.
            loading.cancel()  # Its callers would wait for a service that may never come back.
            await asyncio.wait({loading})
            raise
        enough.set()
        await loading

    async def publish(self, subject: str, message: Message, message_id: str = "") -> None:
        """Publish one message."""
        await self._publishers.publish(subject, message, message_id)

    def holding_back(self) -> AbstractAsyncContextManager[None]:
        """Have all publishers wait while the context is open."""
        return self._publishers.holding_back()

    async def publish_again(self, stored: Collection[Stored]) -> int:
        """Publish what was acknowledged and is not stored any more, in the same order, and answer how much that was."""
        return await self._publishers.publish_again(stored)

    async def repeat(self, messages: Sequence[tuple[str, Message, str]], requests: Sequence[AllocateRequest]) -> None:
        """Publish messages with their identities and ask for lines, in the order given."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publishers.publish_all(messages))
            tasks.create_task(self._callers.ask_all(requests))

    async def _run(
        self,
        calls: Callable[[], AsyncIterator[int]],
        messages: Callable[[], AsyncIterator[int]] | None,
        *,
        callers: int,
        managers: int,
    ) -> None:
        self._rounds += 1
        stock, orders = f"stock-{self._rounds}", f"order-{self._rounds}"
        async with asyncio.TaskGroup() as tasks:
            for number in range(callers):
                tasks.create_task(self._callers.allocate(f"call-{self._rounds}-{number}", orders, calls()))
            for number in range(managers):
                tasks.create_task(self._callers.manage(f"managed-{self._rounds}-{number}", stock, calls()))
            if messages is not None:
                tasks.create_task(self._publishers.restock(stock, messages()))
                tasks.create_task(self._publishers.place_orders(orders, messages()))


async def _counted(times: int) -> AsyncIterator[int]:
    for number in range(times):
        yield number


async def _until(enough: asyncio.Event, pause_seconds: float) -> AsyncIterator[int]:
    number = 0
    while not enough.is_set():
        yield number
        number += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_seconds):
                await enough.wait()
