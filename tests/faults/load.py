"""A load of concurrent callers and publishers who go on while the service dies under them, and remember what they asked."""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING, Any

import grpc
import nats
from nats.errors import Error
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs
from stock.allocation.v1.allocation_service_pb2 import AllocateRequest, CreateBatchRequest
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged, OrderPlaced, OrderPlacedLine

from tests.faults.ledger import AskedLine, Ledger, Published

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from nats.aio.client import Client

SEED = int(os.environ.get("FAULTS_SEED", "0")) or random.randrange(1, 10**6)  # noqa: S311 - varies the load, keeps no secret
SKUS = ("SMALL-TABLE", "MISBEGOTTEN-RUG", "INFLATABLE-SOFA", "UNLIKELY-LAMP")
_RETRY_SECONDS = 0.05
_CALL_SECONDS = 30.0


class Load:
    """Callers who allocate by RPC, a publisher of batches and quantities, and one of orders, all over the same few skus."""

    def __init__(self, grpc_address: str, nats_url: str) -> None:
        self.ledger = Ledger()
        self._grpc_address = grpc_address
        self._nats_url = nats_url
        self._rounds = 0
        self._batches: dict[str, Message] = {}

    async def stock_up(self, batches_each: int = 3) -> None:
        """Create the first batches of every sku, and wait for them."""
        async with grpc.aio.insecure_channel(self._grpc_address) as channel:
            for sku in SKUS:
                for number in range(batches_each):
                    reference = f"{sku.lower()}-{number}"
                    request = CreateBatchRequest(batch_reference=reference, sku=sku, purchased_quantity=25)
                    await stubs.AllocationServiceStub(channel).CreateBatch(request, wait_for_ready=True, timeout=_CALL_SECONDS)
                    self._batches[reference] = request

    async def run(self, *, callers: int = 4, calls: int = 60, messages: int = 60) -> None:
        """Ask for `callers * calls` lines by RPC, and publish `messages` about stock and as many orders."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.call(callers=callers, calls=calls))
            tasks.create_task(self._restock(f"stock-{self._rounds}", messages))
            tasks.create_task(self._place_orders(f"order-{self._rounds}", messages))

    async def call(self, *, callers: int = 4, calls: int = 60) -> None:
        """Ask for `callers * calls` lines by RPC."""
        self._rounds += 1
        print(f"load with FAULTS_SEED={SEED}")  # noqa: T201 - shown when a test fails
        async with asyncio.TaskGroup() as tasks:
            for caller in range(callers):
                tasks.create_task(self._call(f"call-{self._rounds}-{caller}", calls))

    async def publish(self, subject: str, message: Message, message_id: str = "") -> None:
        """Publish one message."""
        client = await self._connect()
        await self._publish(client, subject, message, message_id)
        await client.close()

    async def _call(self, name: str, calls: int) -> None:
        chance = random.Random(f"{SEED} {name}")  # noqa: S311 - varies the load, keeps no secret
        async with grpc.aio.insecure_channel(self._grpc_address) as channel:
            stub = stubs.AllocationServiceStub(channel)
            for number in range(calls):
                line = AskedLine(
                    AllocateRequest(order_id=f"{name}-{number}", sku=chance.choice(SKUS), quantity=chance.randint(1, 5))
                )
                self.ledger.lines.append(line)
                patience = chance.choice((1, 50))
                while len(line.answers) == 0 and line.calls < patience:
                    line.calls += 1
                    try:
                        answer = await stub.Allocate(line.request, wait_for_ready=True, timeout=_CALL_SECONDS)
                    except grpc.aio.AioRpcError as error:
                        if error.code() != grpc.StatusCode.UNAVAILABLE:
                            raise
                    else:
                        line.answers.append(answer.line)

    async def _restock(self, name: str, messages: int) -> None:
        """Create batches, one in five of them again with other content; change quantities, one in four published twice."""
        chance = random.Random(f"{SEED} {name}")  # noqa: S311 - varies the load, keeps no secret
        client = await self._connect()
        for number in range(messages):
            message_id = f"{name}-{number}" if number % 2 == 0 else ""
            if number % 5 == 0:
                created = BatchCreated(
                    batch_reference=f"{name}-{number}", sku=chance.choice(SKUS), purchased_quantity=chance.randint(1, 30)
                )
                self._batches[created.batch_reference] = created
                await self._publish(client, "batch.created", created, message_id)
                if number % 25 == 0:
                    created.purchased_quantity += 1
                    await self._publish(client, "batch.created", created, "")
                continue
            changed = BatchQuantityChanged(batch_reference=chance.choice(sorted(self._batches)), quantity=chance.randint(0, 35))
            for _ in range(2 if message_id and number % 4 == 0 else 1):
                await self._publish(client, "batch.quantity.changed", changed, message_id)
        await client.close()

    async def _place_orders(self, name: str, messages: int) -> None:
        """Place orders; one in three conflicts with the one before it, one in four is published twice."""
        chance = random.Random(f"{SEED} {name}")  # noqa: S311 - varies the load, keeps no secret
        client = await self._connect()
        order = OrderPlaced()
        for number in range(messages):
            message_id = f"{name}-{number}" if number % 2 == 0 else ""
            if number % 3 == 2:
                for line in order.lines:
                    line.quantity += 1
            else:
                skus = chance.sample(SKUS, chance.randint(1, 3))
                lines = [OrderPlacedLine(sku=sku, quantity=chance.randint(1, 9)) for sku in skus]
                order = OrderPlaced(order_id=f"{name}-{number}", lines=lines)
            for _ in range(2 if message_id and number % 4 == 0 else 1):
                await self._publish(client, "order.placed", order, message_id)
        await self._publish(client, "order.placed", OrderPlaced(order_id="an order of nothing"), "")
        await client.close()

    async def _connect(self) -> Client:
        async def ignore(_: Exception) -> None:
            """A broker that is away is what this is about."""

        return await nats.connect(
            self._nats_url,
            error_cb=ignore,
            max_reconnect_attempts=-1,
            reconnect_time_wait=_RETRY_SECONDS,
            pending_size=0,
        )

    async def _publish(self, client: Client, subject: str, message: Message, message_id: str) -> None:
        headers = {"ce-id": message_id, "ce-source": "/tests/load"} if message_id else {}
        while True:
            try:
                acknowledged = await client.jetstream().publish(
                    subject, message.SerializeToString(), headers=headers, timeout=1.0
                )
            except (Error, OSError):
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                copy: Any = type(message)()
                copy.CopyFrom(message)
                self.ledger.published.append(Published(subject, copy, headers, acknowledged.seq))
                return
