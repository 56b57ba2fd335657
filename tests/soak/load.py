"""The load of a soak: well-behaved clients through both doors, clients that come and go, and some that are a nuisance."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import grpc
import nats
from nats.errors import Error
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs
from stock.allocation.v1.allocation_service_pb2 import (
    AllocateRequest,
    ChangeBatchQuantityRequest,
    CreateBatchRequest,
    ListBatchesRequest,
    ListLinesRequest,
)
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged, OrderPlaced, OrderPlacedLine

from tests.faults.hostile.garbage import garbage
from tests.faults.hostile.grpc_abuse import ABUSES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from nats.aio.client import Client

SKUS = 20
"""Of one period: then others take their place, so that no shrink moves more lines than in the first minute."""
PERIOD_SECONDS = 30.0
ABUSE_EVERY_SECONDS = 15.0
_ABUSE_TIMES = 100
_BATCHES_PER_SKU = 2
_STOCK = 100
_DEADLINE_SECONDS = 30.0
_RETRY_SECONDS = 0.2
_EXPECTED = {"UNAVAILABLE", "RESOURCE_EXHAUSTED"}


class SoakLoad:
    """Calls and publishes at a rate until it is stopped; `answers` counts what came of it, `surprises` what should not have."""

    def __init__(self, grpc_address: str, nats_url: str, *, seed: int, calls_per_second: float) -> None:
        self.answers: Counter[str] = Counter()
        self.surprises: list[str] = []
        self.bad_messages = 0
        self._grpc_address = grpc_address
        self._nats_url = nats_url
        self._pause = 1 / calls_per_second
        self._chance = random.Random(seed)  # noqa: S311 - varies the load, keeps no secret
        self._period = 0
        self._stopping = asyncio.Event()

    @property
    def total(self) -> int:
        """How many calls were answered and messages taken."""
        return sum(self.answers.values())

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    async def stock_up(self) -> None:
        """Begin the first period."""
        async with grpc.aio.insecure_channel(self._grpc_address) as channel:
            await self._begin_period(stubs.AllocationServiceStub(channel), 0)

    async def run(self) -> None:
        """Go on until stopped."""
        client = await self._connect()
        async with grpc.aio.insecure_channel(self._grpc_address) as channel, asyncio.TaskGroup() as tasks:
            stub = stubs.AllocationServiceStub(channel)
            tasks.create_task(self._repeat(self._pause, lambda: self._call(stub)))
            tasks.create_task(self._repeat(self._pause * 2, lambda: self._publish(client)))
            tasks.create_task(self._repeat(self._pause * 20, self._come_and_go))
            tasks.create_task(self._repeat(self._pause * 40, lambda: self._publish_garbage(client)))
            tasks.create_task(self._repeat(ABUSE_EVERY_SECONDS, self._abuse))
            tasks.create_task(self._repeat(PERIOD_SECONDS, lambda: self._begin_period(stub, self._period + 1)))
        await client.close()

    async def _repeat(self, pause_seconds: float, once: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(pause_seconds * self._chance.uniform(0.5, 1.5)):
                    await self._stopping.wait()
            except TimeoutError:
                await once()

    async def _begin_period(self, stub: stubs.AllocationServiceAsyncStub, period: int) -> None:
        """Create batches of skus that nobody has heard of, and turn to them."""
        for number in range(SKUS * _BATCHES_PER_SKU):
            sku = f"SOAKED-TABLE-{period}-{number % SKUS}"
            request = CreateBatchRequest(batch_reference=f"soak-{period}-{number}", sku=sku, purchased_quantity=_STOCK)
            await stub.CreateBatch(request, timeout=_DEADLINE_SECONDS, wait_for_ready=True)
        self._period = period

    async def _call(self, stub: stubs.AllocationServiceAsyncStub) -> None:
        number, sku = self._chance.randrange(10**9), self._sku(self._chance.randrange(SKUS))
        batch = self._batch()
        match self._chance.randrange(10):
            case 0:
                await self._answered(stub.ListBatches(ListBatchesRequest(sku=sku, page_size=10), timeout=_DEADLINE_SECONDS))
            case 1:
                await self._answered(stub.ListLines(ListLinesRequest(order_id=f"order-{number}"), timeout=_DEADLINE_SECONDS))
            case 2:
                request = ChangeBatchQuantityRequest(batch_reference=batch, quantity=self._chance.randrange(2 * _STOCK))
                await self._answered(stub.ChangeBatchQuantity(request, timeout=_DEADLINE_SECONDS))
            case _:
                line = AllocateRequest(order_id=f"order-{number}", sku=sku, quantity=self._chance.randint(1, 3))
                await self._answered(stub.Allocate(line, timeout=_DEADLINE_SECONDS))

    async def _answered(self, call: Awaitable[Any]) -> None:
        try:
            await call
        except grpc.aio.AioRpcError as error:
            self.answers[error.code().name] += 1
            if error.code().name not in _EXPECTED:
                self.surprises.append(f"{error.code().name}: {error.details()}")
        else:
            self.answers["OK"] += 1

    async def _come_and_go(self) -> None:
        """Open a channel and a NATS connection of its own, use them once, and leave."""
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(self._grpc_address, options=options) as channel:
            await self._call(stubs.AllocationServiceStub(channel))
        try:
            client = await nats.connect(self._nats_url, allow_reconnect=False, connect_timeout=1, error_cb=_ignore)
            await self._publish(client)
            await client.close()
        except (Error, OSError):
            self.answers["no broker"] += 1

    async def _publish(self, client: Client) -> None:
        number, chance = self._chance.randrange(10**9), self._chance
        match chance.randrange(10):
            case 0:
                created = BatchCreated(batch_reference=f"b-{number}", sku=self._sku(number), purchased_quantity=5)
                await self._send(client, "batch.created", created.SerializeToString())
            case 1 | 2 | 3:
                changed = BatchQuantityChanged(batch_reference=self._batch(), quantity=chance.randrange(2 * _STOCK))
                await self._send(client, "batch.quantity.changed", changed.SerializeToString())
            case _:
                lines = [OrderPlacedLine(sku=self._sku(number + line), quantity=1) for line in range(chance.randint(1, 3))]
                await self._send(client, "order.placed", OrderPlaced(order_id=f"o-{number}", lines=lines).SerializeToString())

    async def _publish_garbage(self, client: Client) -> None:
        """Publish what cannot be decoded: a field that goes on beyond the end."""
        payload = b"\x0a\x7f" + next(garbage(self._chance, [b"a batch of nonsense"]))[:100]
        if await self._send(client, "order.placed", payload):
            self.bad_messages += 1

    async def _send(self, client: Client, subject: str, payload: bytes) -> bool:
        message_id = f"{self._chance.getrandbits(128):032x}"
        headers = {"ce-id": message_id, "ce-source": "/tests/soak", "Nats-Msg-Id": message_id}
        while not self._stopping.is_set():
            try:
                await client.jetstream().publish(subject, payload, headers=headers, timeout=2.0)
            except (Error, OSError):
                if not client.is_connected and client.is_closed:
                    return False
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self.answers["published"] += 1
                return True
        return False

    async def _abuse(self) -> None:
        """Do to the gRPC port what its users never do, one kind after the other."""
        abuse = self._next_abuse()

        def once() -> None:
            with abuse(self._grpc_address, self._chance, _ABUSE_TIMES):
                pass

        try:
            await asyncio.to_thread(once)
        except OSError:
            self.answers["hung up on"] += 1

    def _next_abuse(self) -> Any:  # noqa: ANN401 - a context manager's factory
        self._abuses: Iterator[Any] = getattr(self, "_abuses", iter(()))
        chosen = next(self._abuses, None)
        if chosen is None:
            self._abuses = iter(ABUSES)
            chosen = next(self._abuses)
        return chosen

    def _sku(self, number: int) -> str:
        return f"SOAKED-TABLE-{self._period}-{number % SKUS}"

    def _batch(self) -> str:
        return f"soak-{self._period}-{self._chance.randrange(SKUS * _BATCHES_PER_SKU)}"

    async def _connect(self) -> Client:
        return await nats.connect(
            self._nats_url,
            error_cb=_ignore,
            max_reconnect_attempts=-1,
            reconnect_time_wait=_RETRY_SECONDS,
            pending_size=0,
        )


async def _ignore(_: Exception) -> None:
    """A broker that is restarted is part of it."""
