"""A service under strace, asked a few things; afterwards the trace says what happened in which order."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc
import nats
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs
from stock.allocation.v1.allocation_service_pb2 import AllocateRequest, CreateBatchRequest
from stock.allocation.v1.inbound_events_pb2 import OrderPlaced, OrderPlacedLine

from tests.faults.power_loss.durability import WAL
from tests.faults.power_loss.trace import Trace, read_trace
from tests.faults.power_loss.traced import ALL_CALLS, SYNCS, traced
from tests.service_process import ServiceProcess
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LONE_CALL, LONE_MESSAGE = "order-of-a-lone-call", "order-of-a-lone-message"
CONCURRENT_CALLS = 64
SERVICE = ("-m", "allocation", "dev")
SERVICE_WITHOUT_SYNCS = ("-m", "tests.faults.power_loss.service_without_syncs")
_SKU = "SMALL-TABLE"


def concurrent_call(number: int) -> str:
    """Name the order of one of the concurrent calls."""
    return f"order-of-concurrent-call-{number:03}"


async def observe(folder: Path, command: tuple[str, ...] = SERVICE) -> Trace:
    """Trace one Allocate alone, one order.placed alone, and many Allocates at once.

    Their events have the places 2, 3 and following on the stream; the message has the first of its own.
    """
    log = folder / "trace"
    async with _running(folder, traced(log, ALL_CALLS, command)) as (service, stub):
        pid = service.pid
        await _published(service, 1)
        await stub.Allocate(AllocateRequest(order_id=LONE_CALL, sku=_SKU, quantity=1))
        await _published(service, 2)
        await _place(service, OrderPlaced(order_id=LONE_MESSAGE, lines=[OrderPlacedLine(sku=_SKU, quantity=1)]))
        await _published(service, 3)
        await _call_at_once(stub)
    return await _read(log, pid)


async def count_syncs_of_concurrent_calls(folder: Path, rounds: int = 3) -> list[int]:
    """Count the syncs of the write-ahead log while many Allocates are asked at once; only syncs are traced, which is quick."""
    log = folder / "syncs"
    times: list[tuple[float, float]] = []
    async with _running(folder, traced(log, SYNCS, SERVICE)) as (service, stub):
        pid = service.pid
        for number in range(rounds):
            await _published(service, 1 + number * CONCURRENT_CALLS)
            began = time.time()
            await _call_at_once(stub, round_=number)
            times.append((began, time.time()))
    syncs = (await _read(log, pid)).syncs(WAL, after=0, before=sys.maxsize)
    return [sum(began < sync.at < ended for sync in syncs) for began, ended in times]


@asynccontextmanager
async def _running(
    folder: Path, command: tuple[str, ...]
) -> AsyncIterator[tuple[ServiceProcess, stubs.AllocationServiceAsyncStub]]:
    with ServiceProcess(folder, command=command) as service:
        await asyncio.to_thread(service.start)
        async with grpc.aio.insecure_channel(service.grpc_address) as channel:
            stub: stubs.AllocationServiceAsyncStub = stubs.AllocationServiceStub(channel)
            await stub.CreateBatch(CreateBatchRequest(batch_reference="batch", sku=_SKU, purchased_quantity=1_000))
            yield service, stub
        await asyncio.to_thread(service.interrupt)


async def _call_at_once(stub: stubs.AllocationServiceAsyncStub, round_: int = 0) -> None:
    orders = [concurrent_call(round_ * CONCURRENT_CALLS + number) for number in range(CONCURRENT_CALLS)]
    await asyncio.gather(*(stub.Allocate(AllocateRequest(order_id=order, sku=_SKU, quantity=1)) for order in orders))


async def _place(service: ServiceProcess, order: OrderPlaced) -> None:
    client = await nats.connect(service.nats_url)
    await client.jetstream().publish("order.placed", order.SerializeToString())
    await client.close()


async def _published(service: ServiceProcess, events: int) -> None:
    """Wait until so many events are on their stream, so that nothing else goes on."""
    client = await nats.connect(service.nats_url)

    async def are_there() -> bool:
        return (await client.jetstream().stream_info("ALLOCATION_EVENTS")).state.messages >= events

    await eventually(are_there)
    await client.close()


async def _read(log: Path, pid: int) -> Trace:
    """Read a trace once it is complete: strace ends after the program, and writes its last lines then."""
    await eventually(lambda: re.search(rf"\n{pid} +[\d.]+ \+\+\+ exited with 0", _end_of(log)))
    return read_trace(log)


def _end_of(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 10_000))
        return file.read().decode("ascii")
