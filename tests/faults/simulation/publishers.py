"""Who publishes in a history: one about stock, one about orders; twice, against themselves, early, and sometimes nonsense."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from nats.errors import Error
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged, OrderPlaced, OrderPlacedLine

from allocation.service_layer.streams import BrokerUnavailableError
from tests.faults.ledger import Published

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from tests.faults.simulation.world import World

_ACKNOWLEDGED_SECONDS = 2.0
_RETRY_SECONDS = 1.0


class Publisher:
    """One publisher, whose messages stand in the stream in the order in which he published them."""

    def __init__(self, world: World, name: str) -> None:
        self._world, self._name = world, name
        self._random = world.chance.random
        self._connection = world.connect(name)
        self._published = 0
        self._references: list[str] = []

    async def restock(self) -> None:
        """Create batches, some twice, some otherwise than before; change quantities, some before there is such a batch."""
        random, skus = self._random, self._message_skus()
        self._references += [f"first-{sku}" for sku in skus]
        for number in range(self._world.plan.messages):
            await self._pause()
            sku = random.choice(skus)
            match random.randint(1, 10):
                case 1 | 2:
                    reference = f"stock-{number}"
                    self._references.append(reference)
                    await self._create(reference, sku, random.randint(1, 12))
                case 3:
                    await self._create(f"shelf-{random.randint(1, 3)}-{sku}", sku, random.choice((5, 6)))
                case 4:
                    self._references.append(reference := f"early-{number}")
                    await self._change(reference)
                    await self._pause()
                    if random.random() < 3 / 4:
                        await self._create(reference, sku, random.randint(1, 12))
                case 5:
                    await self._publish_nonsense()
                case _:
                    await self._change(random.choice(self._references))

    async def place_orders(self) -> None:
        """Place orders; some of them again, some again with other quantities, some that callers ask for too."""
        random, skus = self._random, self._message_skus()
        for number in range(self._world.plan.orders):
            await self._pause()
            order_id = f"order-{random.randint(1, 4)}" if random.random() < 1 / 2 else f"{self._name}-{number}"
            chosen = random.sample(skus, random.randint(1, len(skus)))
            lines = [OrderPlacedLine(sku=sku, quantity=random.randint(1, 4)) for sku in chosen]
            await self._publish("order.placed", OrderPlaced(order_id=order_id, lines=lines))

    def _message_skus(self) -> tuple[str, ...]:
        return self._world.plan.skus[:1] if self._world.plan.two_writers else self._world.plan.skus

    async def _pause(self) -> None:
        await asyncio.sleep(self._random.expovariate(1 / self._world.plan.pause_seconds))

    async def _create(self, reference: str, sku: str, quantity: int) -> None:
        await self._publish("batch.created", BatchCreated(batch_reference=reference, sku=sku, purchased_quantity=quantity))

    async def _change(self, reference: str) -> None:
        quantity = self._random.randint(0, 14)
        await self._publish("batch.quantity.changed", BatchQuantityChanged(batch_reference=reference, quantity=quantity))

    async def _publish_nonsense(self) -> None:
        """Publish what can only be parked."""
        match self._random.randint(1, 4):
            case 1:
                await self._store("order.placed", b"\xff\xff no protobuf", {})
            case 2:
                await self._publish("order.placed", OrderPlaced(order_id="an order of nothing"))
            case 3:
                wrong = BatchCreated(batch_reference=f"wrong-{self._published}", sku="SMALL-TABLE", purchased_quantity=1)
                await self._store("batch.created", wrong.SerializeToString(), {"ce-type": "company.v9.Invoice"})
            case _:
                headers = {"ce-source": f"/{self._name}", "ce-id": "used-again"}
                for quantity in (3, 4):
                    message = BatchQuantityChanged(batch_reference="an-unknown-batch", quantity=quantity)
                    await self._store("batch.quantity.changed", message.SerializeToString(), headers)

    async def _publish(self, subject: str, message: Message) -> None:
        """Publish a message, with an identity or without, once or twice in a row; what the broker acknowledged is recorded."""
        self._published += 1
        headers: dict[str, str] = {}
        identity = f"{self._name}-{self._published}"
        if self._random.random() < 1 / 2:
            headers |= {"ce-source": f"/{self._name}", "ce-id": identity}
        if self._random.random() < 1 / 4:
            headers["Nats-Msg-Id"] = identity
        for _ in range(2 if "ce-id" in headers and self._random.random() < 1 / 4 else 1):
            sequence = await self._store(subject, message.SerializeToString(), headers)
            self._world.ledger.published.append(Published(subject, message, headers, sequence))

    async def _store(self, subject: str, payload: bytes, headers: dict[str, str]) -> int:
        """Publish until the broker has acknowledged it, and answer where it lies."""
        while True:
            try:
                client = self._connection.client()
                answer: dict[str, Any] = json.loads(
                    (await client.request(subject, payload, timeout=_ACKNOWLEDGED_SECONDS, headers=headers)).data
                )
                return int(answer["seq"])
            except (Error, BrokerUnavailableError):
                await asyncio.sleep(self._random.random() * _RETRY_SECONDS)
