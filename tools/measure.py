"""Measures Allocate against a running service: python tools/measure.py [ADDRESS]. A first look; its own cost is included."""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from typing import TYPE_CHECKING

import grpc
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub

if TYPE_CHECKING:
    from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceAsyncStub

SKUS = 1_000


async def measure(  # noqa: PLR0913 - what to measure, by keyword
    stub: AllocationServiceAsyncStub, run: str, what: str, *, calls: int, in_flight: int, skus: int
) -> None:
    """Allocate one unit a call, with so many calls in flight, and print rate and latency."""
    numbers, seconds = iter(range(calls)), []

    async def caller() -> None:
        for number in numbers:
            began = time.perf_counter()
            await stub.Allocate(
                messages.AllocateRequest(order_id=f"{run}-{what}-{number}", sku=f"{run}-{number % skus}", quantity=1)
            )
            seconds.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    rate = calls / (time.perf_counter() - began)
    seconds.sort()
    p50, p99 = (seconds[calls * percent // 100] * 1_000 for percent in (50, 99))
    print(f"{what:<28} {rate:7,.0f}/s   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms")  # noqa: T201 - the result


async def main(address: str = "127.0.0.1:50051") -> None:
    """Create a batch for each sku, warm up, and measure."""
    run = uuid.uuid4().hex[:8]
    async with grpc.aio.insecure_channel(address) as channel:
        stub: AllocationServiceAsyncStub = AllocationServiceStub(channel)
        for number in range(SKUS):
            await stub.CreateBatch(
                messages.CreateBatchRequest(
                    batch_reference=f"{run}-{number}", sku=f"{run}-{number}", purchased_quantity=1_000_000
                )
            )
        await measure(stub, run, "warm-up", calls=2_000, in_flight=64, skus=SKUS)
        await measure(stub, run, "64 in flight, 1,000 skus", calls=10_000, in_flight=64, skus=SKUS)
        await measure(stub, run, "64 in flight, one sku", calls=10_000, in_flight=64, skus=1)
        await measure(stub, run, "a lone caller", calls=1_000, in_flight=1, skus=SKUS)


asyncio.run(main(*sys.argv[1:]))
