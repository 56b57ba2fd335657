"""Those who publish what happens to stock and which orders are placed; some of it twice, some against what they said before."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import nats
from nats.errors import Error
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged, OrderPlaced, OrderPlacedLine

from tests.faults.callers import SKUS
from tests.faults.ledger import Published

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from google.protobuf.message import Message
    from nats.aio.client import Client

    from tests.faults.evidence import Stored
    from tests.faults.ledger import Ledger

_RETRY_SECONDS = 0.05
_ACKNOWLEDGED_SECONDS = 1.0
_CONNECT_SECONDS = 1
_PING_SECONDS = 2
_AGAIN_SECONDS = 10.0


class Publishers:
    """Each method is one publisher. `stock` holds the batches whose quantities are reported, by reference.

    Every second message has an identity; with `identified`, every one that stands for something new.
    """

    def __init__(self, nats_url: str, ledger: Ledger, seed: int, *, identified: bool = False) -> None:
        self.stock: dict[str, Message] = {}
        self._identified = identified
        self._may_publish = asyncio.Event()
        self._may_publish.set()
        self._publishing = 0
        self._nats_url = nats_url
        self._ledger = ledger
        self._seed = seed

    async def publish(self, subject: str, message: Message, message_id: str = "") -> None:
        """Publish one message."""
        client = await self._connect()
        await self._publish(client, subject, message, message_id)
        await client.close()

    async def publish_all(self, messages: Sequence[tuple[str, Message, str]]) -> None:
        """Publish messages with their identities, one after the other."""
        client = await self._connect()
        with self._ledger.publishers.asking():
            for subject, message, message_id in messages:
                await self._publish(client, subject, message, message_id)
        await client.close()

    async def restock(self, name: str, turns: AsyncIterator[int]) -> None:
        """Create batches, one in five of them again with other content; change quantities, one in four published twice."""
        chance = self._chance(name)
        client = await self._connect()
        with self._ledger.publishers.asking():
            async for number in turns:
                message_id = f"{name}-{number}" if number % 2 == 0 or self._identified else ""
                if number % 5 == 0:
                    created = BatchCreated(
                        batch_reference=f"{name}-{number}", sku=chance.choice(SKUS), purchased_quantity=chance.randint(1, 30)
                    )
                    self.stock[created.batch_reference] = created
                    await self._publish(client, "batch.created", created, message_id)
                    if number % 25 == 0:
                        created.purchased_quantity += 1
                        await self._publish(client, "batch.created", created, self._identity(f"{name}-{number}-otherwise"))
                    continue
                reference = chance.choice(sorted(self.stock))
                changed = BatchQuantityChanged(batch_reference=reference, quantity=chance.randint(0, 35))
                for _ in range(2 if message_id and number % 4 == 0 else 1):
                    await self._publish(client, "batch.quantity.changed", changed, message_id)
        await client.close()

    async def place_orders(self, name: str, turns: AsyncIterator[int]) -> None:
        """Place orders; one in three conflicts with the one before it, one in four is published twice."""
        chance = self._chance(name)
        client = await self._connect()
        order = OrderPlaced()
        with self._ledger.publishers.asking():
            async for number in turns:
                message_id = f"{name}-{number}" if number % 2 == 0 or self._identified else ""
                if number % 3 == 2:
                    for line in order.lines:
                        line.quantity += 1
                else:
                    skus = chance.sample(SKUS, chance.randint(1, 3))
                    lines = [OrderPlacedLine(sku=sku, quantity=chance.randint(1, 9)) for sku in skus]
                    order = OrderPlaced(order_id=f"{name}-{number}", lines=lines)
                for _ in range(2 if message_id and number % 4 == 0 else 1):
                    await self._publish(client, "order.placed", order, message_id)
            of_nothing = OrderPlaced(order_id="an order of nothing")
            await self._publish(client, "order.placed", of_nothing, self._identity(f"{name}-nothing"))
        await client.close()

    @asynccontextmanager
    async def holding_back(self) -> AsyncIterator[None]:
        """Have all of them wait, also those that would try again, until the context is closed."""
        self._may_publish.clear()
        while self._publishing:  # noqa: ASYNC110 - each of them gives up after a second at the latest
            await asyncio.sleep(_RETRY_SECONDS)
        try:
            yield
        finally:
            self._may_publish.set()

    async def publish_again(self, stored: Collection[Stored]) -> int:
        """Publish what was acknowledged and is not stored any more, in the same order, and answer how much that was."""
        known = {(message.sequence, message.payload) for message in stored}
        gone = [one for one in self._ledger.published if (one.sequence, one.message.SerializeToString()) not in known]
        self._ledger.published = [one for one in self._ledger.published if one not in gone]
        client = await self._connect()
        for one in gone:
            acknowledged = await client.jetstream().publish(
                one.subject, one.message.SerializeToString(), headers=one.headers, timeout=_AGAIN_SECONDS
            )
            self._ledger.published.append(replace(one, sequence=acknowledged.seq))
        await client.close()
        return len(gone)

    def _identity(self, message_id: str) -> str:
        return message_id if self._identified else ""

    async def _connect(self) -> Client:
        async def ignore(_: Exception) -> None:
            """A broker that is away is what this is about."""

        while True:
            try:
                return await nats.connect(
                    self._nats_url,
                    error_cb=ignore,
                    connect_timeout=_CONNECT_SECONDS,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=_RETRY_SECONDS,
                    ping_interval=_PING_SECONDS,
                    max_outstanding_pings=2,
                    pending_size=0,
                )
            except (Error, OSError):
                await asyncio.sleep(_RETRY_SECONDS)

    async def _publish(self, client: Client, subject: str, message: Message, message_id: str) -> None:
        headers = {"ce-id": message_id, "ce-source": "/tests/load"} if message_id else {}
        while True:
            await self._may_publish.wait()
            self._publishing += 1
            try:
                acknowledged = await client.jetstream().publish(
                    subject, message.SerializeToString(), headers=headers, timeout=_ACKNOWLEDGED_SECONDS
                )
            except (Error, OSError):
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                copy: Any = type(message)()
                copy.CopyFrom(message)
                self._ledger.published.append(Published(subject, copy, headers, acknowledged.seq))
                self._ledger.publishers.answered()
                return
            finally:
                self._publishing -= 1

    def _chance(self, name: str) -> random.Random:
        return random.Random(f"{self._seed} {name}")  # noqa: S311 - varies the load, keeps no secret
