"""Quantities that came too early are parked, and replayed by an operator while the service is killed again and again."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import grpc
from stock.allocation.admin.v1 import admin_service_pb2_grpc as admin
from stock.allocation.admin.v1.admin_service_pb2 import ParkedPlace, ReplayParkedRequest
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged

from tests.faults.evidence import Row, read_database
from tests.faults.fault import Account
from tests.faults.load import SKUS
from tests.faults.problem import Kind, Problem
from tests.faults.scene import Scene
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.faults.fault import Trial

_SETTINGS = {"unknown_wait_seconds": 0.5, "deliveries_max": 4}
_CHANGES_EACH = 3
_REPLAY_SECONDS_MAX = 0.1
_PARKED_SECONDS = 60.0
_REPLAYED = {"applied", "superseded", "repeated"}


async def killed_while_replaying(trial: Trial) -> Account:
    """Park three quantities for each of many batches, create the batches, and replay all in a random order of asking."""
    times, batches = (1, 5) if trial.short else (20, 100)
    chance = random.Random(trial.seed)  # noqa: S311 - varies the trial, keeps no secret
    with Scene(trial.folder, settings=_SETTINGS, seed=trial.seed) as scene:
        await scene.start()
        async with scene.load.going_on():
            await _park(scene, batches, chance)
            for _ in range(times):
                replaying = asyncio.create_task(_replay(scene, chance, 5))
                await asyncio.sleep(chance.uniform(0, _REPLAY_SECONDS_MAX))  # the moment of death is the fault
                await asyncio.to_thread(scene.service.kill)
                await replaying
                await asyncio.to_thread(scene.service.start)
            while _open(scene):
                await _replay(scene, chance, 1_000)
        account = await scene.account(times)
        wrong = tuple(
            Problem(Kind.WRONG, f"parked message {row['sequence']} ended as {row['ending']} when it was replayed")
            for row in _late(scene)
            if row["ending"] not in _REPLAYED
        )
        return Account(account.times, account.commands, account.events, (*account.problems, *wrong), account.stall_seconds)


async def _park(scene: Scene, batches: int, chance: random.Random) -> None:
    """Report quantities of batches that do not exist, and create these when all is parked."""
    for _ in range(_CHANGES_EACH):
        for number in range(batches):
            changed = BatchQuantityChanged(batch_reference=f"late-{number}", quantity=chance.randint(0, 35))
            await scene.load.publish("batch.quantity.changed", changed)
    await eventually(lambda: len(_open(scene)) == _CHANGES_EACH * batches, _PARKED_SECONDS)
    for number in range(batches):
        created = BatchCreated(batch_reference=f"late-{number}", sku=chance.choice(SKUS), purchased_quantity=20)
        await scene.load.publish("batch.created", created)
    await eventually(lambda: _created(scene) == batches, _PARKED_SECONDS)


async def _replay(scene: Scene, chance: random.Random, count: int) -> None:
    """Ask for the replay of some, in any order; a service that dies of it is asked again later."""
    rows = _open(scene)[:count]
    chance.shuffle(rows)
    places = [ParkedPlace(stream=row["stream"], incarnation=row["incarnation"], sequence=row["sequence"]) for row in rows]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{scene.service.admin_port}") as channel:
        try:
            await admin.AdminServiceStub(channel).ReplayParked(ReplayParkedRequest(places=places), timeout=10)
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise


def _late(scene: Scene) -> list[Row]:
    rows = read_database(scene.service.database, ("parked_messages",))["parked_messages"]
    return [row for row in rows if row["reason"] == "unknown_batch"]


def _open(scene: Scene) -> list[Row]:
    return [row for row in _late(scene) if row["ending"] is None]


def _created(scene: Scene) -> int:
    rows = read_database(scene.service.database, ("batches",))["batches"]
    return sum(row["reference"].startswith("late-") for row in rows)
