"""More load than the service carries: `python -m tests.faults.hostile.overload` measures and prints what comes of it.

First callers who wait for each answer find out what it carries. Then processes of callers ask for several times as much,
without waiting for anything; or, with --callers, several times as many callers call, each again as soon as it was answered. At
last a tenth of it is asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs
from stock.allocation.v1.allocation_service_pb2 import AllocateRequest, CreateBatchRequest

from tests.faults.hostile.load_process import SKUS, sku
from tests.faults.hostile.vitals import MEBIBYTE, PeakMemory
from tests.service_process import ServiceProcess

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).parents[3]
SHED = "RESOURCE_EXHAUSTED QUEUE_FULL"
_CALLERS = 64
_PLENTY = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Phase:
    """What a phase of the load was told: `rate` calls a second were begun; milliseconds are of the accepted calls."""

    name: str
    seconds: float
    begun: int
    answers: Counter[str]
    milliseconds: tuple[float, ...]
    peak_bytes: int

    @property
    def rate(self) -> float:
        """Calls begun a second, over the time until all were answered."""
        return self.begun / self.seconds

    @property
    def accepted_rate(self) -> float:
        """Calls carried out a second, the time to work off the rest included."""
        return self.answers["OK"] / self.seconds

    def percentile(self, percent: float) -> float:
        """Answer the seconds in which so many of the accepted calls were answered."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] / 1_000

    def __str__(self) -> str:
        told = ", ".join(f"{count:,} {kind}" for kind, count in self.answers.most_common())
        times = f"p50 {self.percentile(50):.3f} s, p99 {self.percentile(99):.3f} s" if self.milliseconds else "nothing accepted"
        load = f"{self.name:<9} {self.rate:7,.0f}/s begun, {self.accepted_rate:6,.0f}/s accepted"
        return f"{load}, {times}, {self.peak_bytes / MEBIBYTE:.0f} MiB: {told}"


def slow(folder: Path, seconds_per_transaction: float, **settings: object) -> ServiceProcess:
    """Make a service on a slow disk, or on the disk as it is."""
    if not seconds_per_transaction:
        return ServiceProcess(folder, settings=settings)
    command = ("-m", "tests.faults.hostile.service_with_slow_store", str(seconds_per_transaction))
    return ServiceProcess(folder, command=command, settings=settings)


async def stock_up(address: str) -> None:
    """Create batches that nobody will exhaust."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = stubs.AllocationServiceStub(channel)
        batches = [
            CreateBatchRequest(batch_reference=f"plenty-{number}", sku=sku(number), purchased_quantity=_PLENTY)
            for number in range(SKUS)
        ]
        await asyncio.gather(*(stub.CreateBatch(batch, wait_for_ready=True, timeout=30) for batch in batches))


async def carried(address: str, seconds: float) -> float:
    """Find out how many calls a second the service carries when callers wait for their answers."""
    began, numbers = time.monotonic(), iter(range(sys.maxsize))
    answered = 0

    async def call(stub: stubs.AllocationServiceAsyncStub) -> None:
        nonlocal answered
        while time.monotonic() - began < seconds:
            number = next(numbers)
            await stub.Allocate(AllocateRequest(order_id=f"carried-{number}", sku=sku(number), quantity=1), timeout=30)
            answered += 1

    async with grpc.aio.insecure_channel(address) as channel:
        stub = stubs.AllocationServiceStub(channel)
        await asyncio.gather(*(call(stub) for _ in range(_CALLERS)))
    return answered / (time.monotonic() - began)


async def phase(  # noqa: PLR0913 - what the load is, by keyword
    service: ServiceProcess,
    name: str,
    *,
    rate: float = 0.0,
    callers: int = 0,
    seconds: float,
    processes: int = 2,
    channels: int = 8,
) -> Phase:
    """Call from several processes, at a rate or by so many callers who wait, and wait for all answers."""
    began = time.monotonic()
    load = (f"--rate={rate / processes}", f"--callers={callers // processes}", f"--seconds={seconds}", f"--channels={channels}")
    with PeakMemory(service.pid) as peak:
        told = await asyncio.gather(*(_callers(service, f"{name}-{number}", load) for number in range(processes)))
    answers: Counter[str] = Counter()
    for one in told:
        answers.update(one["answers"])
    times = tuple(time for one in told for time in one["milliseconds"])
    elapsed = max(seconds, time.monotonic() - began)
    return Phase(name, elapsed, sum(one["begun"] for one in told), answers, times, peak.bytes)


async def _callers(service: ServiceProcess, run: str, load: Iterable[str]) -> dict[str, Any]:
    path = os.pathsep.join((str(ROOT), str(ROOT / "generated" / "python")))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.hostile.load_process",
        service.grpc_address,
        run,
        *load,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    told: dict[str, Any] = json.loads(output)
    return told


async def _measure(given: argparse.Namespace) -> None:
    settings = {"group_commands_max": given.group_commands_max}
    with (
        tempfile.TemporaryDirectory() as folder,
        slow(Path(folder), given.seconds_per_transaction, **settings) as service,
    ):
        await asyncio.to_thread(service.start)
        await stock_up(service.grpc_address)
        rate = await carried(service.grpc_address, given.seconds)
        _say(f"carries {rate:,.0f} calls a second ({_CALLERS} callers who wait)")
        for times in (*given.times, 0.1):
            asked = {"callers": max(2, int(_CALLERS * times))} if given.callers else {"rate": rate * times}
            load = {"seconds": given.seconds, "processes": given.processes, "channels": given.channels}
            _say(str(await phase(service, f"{times:g} times", **asked, **load)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.hostile.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each phase")
    parser.add_argument("--seconds-per-transaction", type=float, default=0.0, help="a slow disk; 0: the disk as it is")
    parser.add_argument("--group-commands-max", type=int, default=256)
    parser.add_argument("--times", type=float, nargs="+", default=[1.0, 2.0, 10.0])
    parser.add_argument("--callers", action="store_true", help="several times as many callers, not calls a second")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--channels", type=int, default=8, help="of each process")
    asyncio.run(_measure(parser.parse_args(arguments)))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
