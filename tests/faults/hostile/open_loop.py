"""One process of callers in an open loop: calls begin at their rate whether or not earlier ones were answered.

`python -m tests.faults.hostile.open_loop ADDRESS RUN --rate N --seconds N` prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import grpc
from stock.allocation.v1.allocation_service_pb2 import AllocateRequest
from stock.allocation.v1.errors_pb2 import RejectionReason

METHOD = "/stock.allocation.v1.AllocationService/Allocate"
SKUS = 50
_TICK_SECONDS = 0.005
_DETAILS_KEY = "grpc-status-details-bin"
_REASONS = [name.encode() for name in RejectionReason.keys()]  # noqa: SIM118 - no dict


@dataclass
class Told:
    """What the callers of a process saw: answers by their kind, and the milliseconds each accepted call took."""

    begun: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    refused_milliseconds: list[float] = field(default_factory=list)


def sku(number: int) -> str:
    """Name one of the skus that are asked for."""
    return f"SMALL-TABLE-{number % SKUS}"


async def call_in_open_loop(  # noqa: PLR0913 - what the load is, by keyword
    address: str, run: str, *, rate: float, seconds: float, channels: int, deadline_seconds: float
) -> Told:
    """Begin `rate` calls a second, spread over channels, and wait for all of their ends."""
    told, calling = Told(), set[asyncio.Task[None]]()
    options = [("grpc.use_local_subchannel_pool", 1)]
    opened = [grpc.aio.insecure_channel(address, options=options) for _ in range(channels)]
    methods: list[Any] = [channel.unary_unary(METHOD) for channel in opened]
    await asyncio.gather(*(channel.channel_ready() for channel in opened))
    began = time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        for number in range(told.begun, int(elapsed * rate)):
            payload = AllocateRequest(order_id=f"{run}-{number}", sku=sku(number), quantity=1).SerializeToString()
            task = asyncio.create_task(_call(methods[number % channels], payload, told, deadline_seconds))
            calling.add(task)
            task.add_done_callback(calling.discard)
            told.begun += 1
        await asyncio.sleep(_TICK_SECONDS)
    if calling:
        await asyncio.wait(calling)
    await asyncio.gather(*(channel.close() for channel in opened))
    return told


async def _call(method: Any, payload: bytes, told: Told, deadline_seconds: float) -> None:  # noqa: ANN401 - gRPC has no type for it
    began = time.perf_counter()
    try:
        await method(payload, timeout=deadline_seconds)
    except grpc.aio.AioRpcError as error:
        told.answers[_kind(error)] += 1
        told.refused_milliseconds.append(round((time.perf_counter() - began) * 1_000, 2))
    else:
        told.answers["OK"] += 1
        told.milliseconds.append(round((time.perf_counter() - began) * 1_000, 2))


def _kind(error: grpc.aio.AioRpcError) -> str:
    details: Any = dict(error.trailing_metadata()).get(_DETAILS_KEY, b"")
    reason = next((name.decode().removeprefix("REJECTION_REASON_") for name in _REASONS if name in details), "")
    return f"{error.code().name} {reason}".strip()


def main() -> None:
    """Call, and print what was told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("run", help="begins every order id")
    parser.add_argument("--rate", type=float, default=1_000.0)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--deadline-seconds", type=float, default=30.0)
    given = vars(parser.parse_args())
    told = asyncio.run(call_in_open_loop(given.pop("address"), given.pop("run"), **given))
    json.dump(vars(told), sys.stdout)


if __name__ == "__main__":
    main()
