"""The program in which a disk is full: `python -m tests.faults.cluster.full_disk WHOSE FOLDER SEED [--short]`.

It mounts small disks, and so runs in a mount namespace of its own only. The last line that it prints is the account.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from stock.allocation.v1.allocation_service_pb2 import AllocateRequest, GetBatchRequest

from tests.e2e.refusals import read_refusal
from tests.faults.cluster.cluster_scene import SERVE
from tests.faults.cluster.progress import calls_are_answered, messages_are_consumed, messages_are_stored
from tests.faults.cluster.small_disk import SmallDisk
from tests.faults.fault import Account, Trial
from tests.faults.ledger import AskedLine
from tests.faults.problem import Kind, Problem, kind_of
from tests.faults.scene import Scene
from tests.nats_server import NatsServer
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEBIBYTES = 48
_STREAM_BYTES_MAX = 16 << 20
_CALL_SECONDS = 5.0
_PROBES = 20
_FULL_WITHIN_SECONDS = 60.0


async def _broker(trial: Trial) -> Account:
    """Calls go on being answered; what is freed helps the broker only after a restart."""
    times = 1 if trial.short else 6
    broker = NatsServer(trial.folder / "broker", jetstream_settings="max_file_store: 1GB")
    disk = SmallDisk(broker.store, _MEBIBYTES)
    settings = {
        "nats_urls": broker.url,
        "inbound_stream_bytes_max": _STREAM_BYTES_MAX,
        "event_stream_bytes_max": _STREAM_BYTES_MAX,
    }
    with broker, Scene(trial.folder, settings=settings, nats_url=broker.url, seed=trial.seed) as scene:
        await scene.start(command=SERVE)
        async with scene.load.going_on():
            for _ in range(times):
                await messages_are_consumed(scene)
                disk.fill()
                await eventually(lambda: _is_away(scene, disk), _FULL_WITHIN_SECONDS)
                await calls_are_answered(scene)
                disk.free()
                await asyncio.to_thread(broker.restart)
                await messages_are_stored(scene)
        return await scene.account(times)


def _is_away(scene: Scene, disk: SmallDisk) -> bool:
    """Whether the relay cannot get rid of its events; what the broker has freed meanwhile is taken, too."""
    disk.fill()
    return scene.count("outbox") > 100


async def _service(trial: Trial) -> Account:
    """Calls that would write are answered UNAVAILABLE, those that read are served, and all goes on when there is space."""
    times = 1 if trial.short else 6
    disk = SmallDisk(trial.folder / "small", _MEBIBYTES)
    found: list[Problem] = []
    with (
        NatsServer(trial.folder / "broker") as broker,
        Scene(disk.place, settings={"nats_urls": broker.url}, nats_url=broker.url, seed=trial.seed) as scene,
    ):
        # What it logs is not what this is about.
        scene.service.log = trial.folder / "service.log"
        await scene.start(command=SERVE)
        async with scene.load.going_on():
            for number in range(times):
                await messages_are_consumed(scene)
                disk.fill()
                await _until_refused(scene, disk)
                found += await asyncio.to_thread(_probe, scene, f"full-{number}")
                disk.free()
                await calls_are_answered(scene)
                await messages_are_consumed(scene)
        account = await scene.account(times)
    return replace(account, problems=(*account.problems, *found))


async def _until_refused(scene: Scene, disk: SmallDisk) -> None:
    """Wait until the service says again that nothing can be written; what it has freed meanwhile is taken, too."""
    before = _refusals(scene)

    def is_refused() -> bool:
        disk.fill()
        return _refusals(scene) > before

    await eventually(is_refused, _FULL_WITHIN_SECONDS)


def _refusals(scene: Scene) -> int:
    return scene.service.log.read_text().count("database or disk is full")


def _probe(scene: Scene, name: str) -> list[Problem]:
    return list(_probed(scene, name))


def _probed(scene: Scene, name: str) -> Iterator[Problem]:
    """Ask for lines on the full disk, each once and for the record, and for what needs no space."""
    with scene.service.stub() as stub:
        for number in range(_PROBES):
            asked = AskedLine(AllocateRequest(order_id=f"{name}-{number}", sku="SMALL-TABLE", quantity=1))
            scene.load.ledger.lines.append(asked)
            asked.calls += 1
            try:
                asked.answers.append(stub.Allocate(asked.request, timeout=_CALL_SECONDS).line)
            except grpc.RpcError as error:
                refusal = read_refusal(error)
                asked.fail(refusal.code.name, refusal.reason)
                if refusal.code != grpc.StatusCode.UNAVAILABLE:
                    yield Problem(Kind.WRONG, f"on a full disk Allocate was answered {refusal}")
        try:
            stub.GetBatch(GetBatchRequest(batch_reference="small-table-0"), timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            yield Problem(Kind.WRONG, f"on a full disk GetBatch was answered {read_refusal(error)}")
    refused = sum(line.calls - line.told for line in scene.load.ledger.lines if line.request.order_id.startswith(name))
    if refused < _PROBES // 2:
        yield Problem(Kind.WRONG, f"the disk was not full: {refused} of {_PROBES} calls were not answered")


def main() -> None:
    """Run one trial and print its account."""
    parser = argparse.ArgumentParser()
    parser.add_argument("whose", choices=("broker", "service"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("seed", type=int)
    parser.add_argument("--short", action="store_true")
    arguments = parser.parse_args()
    trial = Trial(arguments.folder, arguments.seed, arguments.short)
    account = asyncio.run({"broker": _broker, "service": _service}[arguments.whose](trial))
    problems = [[kind_of(problem), problem] for problem in account.problems]
    sys.stdout.write(json.dumps(asdict(replace(account, problems=())) | {"problems": problems}) + "\n")


if __name__ == "__main__":
    main()
