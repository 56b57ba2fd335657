"""One process of callers: they call at a rate whether or not they were answered, or so many of them each wait for an answer.

`python -m tests.faults.hostile.load_process ADDRESS RUN --rate N | --callers N --seconds N` prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from stock.allocation.v1.allocation_service_pb2 import AllocateRequest
from stock.allocation.v1.errors_pb2 import RejectionReason

if TYPE_CHECKING:
    from collections.abc import Coroutine

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


async def call(given: argparse.Namespace) -> Told:
    """Call as it was asked for, spread over channels, and wait for all of the calls' ends."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    opened = [grpc.aio.insecure_channel(given.address, options=options) for _ in range(given.channels)]
    methods: list[Any] = [channel.unary_unary(METHOD) for channel in opened]
    await asyncio.gather(*(channel.channel_ready() for channel in opened))
    told = Told()
    await (_wait_for_answers(methods, told, given) if given.callers else _wait_for_nothing(methods, told, given))
    await asyncio.gather(*(channel.close() for channel in opened))
    return told


async def _wait_for_nothing(methods: list[Any], told: Told, given: argparse.Namespace) -> None:
    calling = set[asyncio.Task[None]]()
    began = time.perf_counter()
    while (elapsed := time.perf_counter() - began) < given.seconds:
        while told.begun < int(elapsed * given.rate):
            task = asyncio.create_task(_begin_call(methods, told, given))
            calling.add(task)
            task.add_done_callback(calling.discard)
        await asyncio.sleep(_TICK_SECONDS)
    if calling:
        await asyncio.wait(calling)


async def _wait_for_answers(methods: list[Any], told: Told, given: argparse.Namespace) -> None:
    began = time.perf_counter()

    async def caller() -> None:
        while time.perf_counter() - began < given.seconds:
            await _begin_call(methods, told, given)

    await asyncio.gather(*(caller() for _ in range(given.callers)))


def _begin_call(methods: list[Any], told: Told, given: argparse.Namespace) -> Coroutine[Any, Any, None]:
    number = told.begun
    told.begun += 1
    line = AllocateRequest(order_id=f"{given.run}-{number}", sku=sku(number), quantity=1).SerializeToString()
    return _answered(methods[number % len(methods)](line, timeout=given.deadline_seconds), told)


async def _answered(calling: Any, told: Told) -> None:  # noqa: ANN401 - gRPC has no type for it
    began = time.perf_counter()
    try:
        await calling
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
    parser.add_argument("--rate", type=float, default=1_000.0, help="calls that begin in a second")
    parser.add_argument("--callers", type=int, default=0, help="instead: so many callers, each with one call at a time")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--deadline-seconds", type=float, default=30.0)
    json.dump(vars(asyncio.run(call(parser.parse_args()))), sys.stdout)


if __name__ == "__main__":
    main()
