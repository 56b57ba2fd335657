"""A well-behaved caller who goes on beside the hostile ones, and writes down how long each answer took."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs
from stock.allocation.v1.allocation_service_pb2 import AllocateRequest, CreateBatchRequest

from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_PAUSE_SECONDS = 0.01
_DEADLINE_SECONDS = 30.0


@dataclass
class Answered:
    """How many calls were answered, how long each took, and what went wrong."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def middle_seconds(self) -> float:
        """The median."""
        return sorted(self.seconds)[len(self.seconds) // 2]

    @property
    def longest_seconds(self) -> float:
        """The maximum."""
        return max(self.seconds)


@asynccontextmanager
async def a_good_client(address: str, name: str) -> AsyncIterator[Answered]:
    """Allocate one line after the other while the block runs, a few milliseconds apart, over a channel of its own."""
    answered = Answered()
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        stub = stubs.AllocationServiceStub(channel)
        batch = CreateBatchRequest(batch_reference=f"good-{name}", sku=f"GOOD-{name}", purchased_quantity=1_000_000)
        await stub.CreateBatch(batch, timeout=_DEADLINE_SECONDS, wait_for_ready=True)
        calling = asyncio.create_task(_call(stub, name, answered))
        try:
            yield answered
        finally:
            await _one_more(answered, calling)
            calling.cancel()
            await asyncio.wait({calling})


async def _call(stub: stubs.AllocationServiceAsyncStub, name: str, answered: Answered) -> None:
    number = 0
    while True:
        number += 1
        began = time.perf_counter()
        line = AllocateRequest(order_id=f"good-{name}-{number}", sku=f"GOOD-{name}", quantity=1)
        try:
            await stub.Allocate(line, timeout=_DEADLINE_SECONDS)
        except grpc.aio.AioRpcError as error:
            answered.failures.append(f"{error.code().name}: {error.details()}")
        else:
            answered.seconds.append(time.perf_counter() - began)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _one_more(answered: Answered, calling: asyncio.Task[None]) -> None:
    """Wait for the answer of the call that is under way: it was asked while the others were hostile."""
    before = len(answered.seconds) + len(answered.failures)
    await eventually(lambda: len(answered.seconds) + len(answered.failures) > before or calling.done(), _DEADLINE_SECONDS + 1)
