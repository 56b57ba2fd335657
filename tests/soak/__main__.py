"""Soaks the service: `python -m tests.soak --seconds 3600` (`make soak`). The picture is docs/soak.png."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import nats

from tests.faults.evidence import CONSUMER, INBOUND
from tests.service_process import ServiceProcess
from tests.soak.judge import growing, is_memory_judged
from tests.soak.load import SoakLoad
from tests.soak.picture import draw
from tests.soak.samples import Sample, look
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

PICTURE = Path(__file__).parents[2] / "docs" / "soak.png"
_SAMPLES = 400
_SAMPLE_SECONDS_MIN = 0.5
_QUIET_SECONDS = 60.0
_SAID_TIMES = 12
_SETTINGS = {"inbound_stream_bytes_max": 8 << 20, "event_stream_bytes_max": 32 << 20}
"""Streams that are full, and lose or trim their oldest messages, before memory is judged: a broker's memory grows with them."""
_BROKER_COLLECTS = {"GOGC": "25"}
"""The broker's collector begins early, so that its memory shows what it holds and not what waits to be collected."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak; 0: all stayed flat and nothing went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=_positive, default=3_600.0)
    parser.add_argument("--calls-per-second", type=_positive, default=40.0)
    parser.add_argument("--restarts", type=int, default=3, help="kills of the broker, in the first quarter")
    parser.add_argument("--seed", type=int, default=2011)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    parser.add_argument("--json", type=Path, help="write the samples to this file too")
    given = parser.parse_args(arguments)
    return asyncio.run(_soak(given))


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, is {text!r}")
    return value


async def _soak(given: argparse.Namespace) -> int:
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as folder,
        ServiceProcess(Path(folder), settings=_SETTINGS, variables=_BROKER_COLLECTS) as service,
    ):
        await asyncio.to_thread(service.start)
        load = SoakLoad(service.grpc_address, service.nats_url, seed=given.seed, calls_per_second=given.calls_per_second)
        await load.stock_up()
        _say(f"process {service.pid} is soaked for {given.seconds / 60:.1f} minutes, its log is {service.log}")
        samples = await _watched(service, load, given.seconds, given.restarts)
        problems = growing(samples) + await _ending(service, load, samples)
    judged = "" if is_memory_judged(samples) else " Too short to judge memory."
    verdict = ("Flat." if not problems else f"{len(problems)} problems.") + judged
    draw(samples, given.picture, command=f"python -m tests.soak --seconds {given.seconds:g}", verdict=verdict)
    if given.json:
        given.json.write_text(json.dumps([asdict(sample) for sample in samples]) + "\n", encoding="utf-8")
    _say(f"{given.picture}: {samples[-1].seconds / 60:.1f} minutes, {dict(load.answers)}, {load.bad_messages} bad messages")
    _say("\n".join([verdict, *problems]))
    return 1 if problems else 0


async def _watched(service: ServiceProcess, load: SoakLoad, seconds: float, restarts_count: int) -> list[Sample]:
    """Run the load, kill the broker now and then, and look every so often; the last look is after all became quiet."""
    samples: list[Sample] = []
    # The broker's memory is judged in the later half: after a restart it takes some twenty minutes to fill its caches.
    restarts = [number * seconds / 4 / (restarts_count + 1) for number in range(1, restarts_count + 1)]
    pause = max(_SAMPLE_SECONDS_MIN, seconds / _SAMPLES)
    loading = asyncio.create_task(load.run())
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds and not loading.done():
        samples.append(await asyncio.to_thread(look, service, elapsed, load.total))
        if len(samples) % (_SAMPLES // _SAID_TIMES) == 0:
            _say(samples[-1].shown())
        if restarts and elapsed >= restarts[0]:
            restarts.pop(0)
            os.kill(service.broker_pid, signal.SIGKILL)
        await asyncio.sleep(pause)
    load.stop()
    await loading
    await _until_quiet(service)
    samples.append(await asyncio.to_thread(look, service, time.monotonic() - began, load.total))
    return samples


async def _until_quiet(service: ServiceProcess) -> None:
    client = await nats.connect(service.nats_url)

    async def is_quiet() -> bool:
        consumer = await client.jetstream().consumer_info(INBOUND, CONSUMER)
        return not consumer.num_pending and not consumer.num_ack_pending and not look(service, 0, 0).outbox_rows

    await eventually(is_quiet, _QUIET_SECONDS)
    await client.close()


async def _ending(service: ServiceProcess, load: SoakLoad, samples: Sequence[Sample]) -> list[str]:
    problems = [f"a call ended unexpectedly: {surprise}" for surprise in load.surprises[:10]]
    if not await asyncio.to_thread(service.serves):
        problems.append("the service does not serve in the end")
    if samples[-1].parked_rows != load.bad_messages:
        problems.append(f"{load.bad_messages} bad messages were published, {samples[-1].parked_rows} are parked")
    return problems


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
