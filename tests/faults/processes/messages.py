"""Messages that cannot be understood, that crash their handler, or that come a hundred times."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import grpc
from stock.allocation.v1.allocation_service_pb2 import AllocateRequest
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged, OrderPlaced, OrderPlacedLine

from tests.faults.evidence import INBOUND
from tests.faults.fault import Account
from tests.faults.load import SKUS, Load
from tests.faults.problem import Kind, Problem
from tests.faults.restless import ALWAYS_CRASHES
from tests.faults.scene import Scene, command_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

    from tests.faults.evidence import Row
    from tests.faults.fault import Trial

_TIMES_OVER = 100
_SETTINGS = {"unknown_wait_seconds": 0.5, "deliveries_max": 4}
"""Few deliveries, so that what always crashes is set aside within seconds; they must exceed those of the wait."""


class Poison(NamedTuple):
    """A message that has to be parked, and why."""

    reason: str
    subject: str
    payload: bytes
    headers: dict[str, str]


async def poisoned(trial: Trial) -> Account:
    """Mix poison into the load, while one handler in twenty crashes after it did its work: each is parked for its reason."""
    rounds = 2 if trial.short else 100
    with Scene(trial.folder, seed=trial.seed, settings=_SETTINGS) as scene:
        load = Load(scene.service.grpc_address, scene.nats_url, seed=trial.seed, tolerated=(grpc.StatusCode.INTERNAL,))
        scene.load = load
        await scene.start(command=command_of(restless="crashing-handlers", seed=trial.seed))
        expected: dict[int, str] = {}
        async with load.going_on():
            for number in range(rounds):
                for poison in _poisons(number):
                    async with scene.client() as client:
                        stored = await client.jetstream().publish(poison.subject, poison.payload, headers=poison.headers)
                    expected[stored.seq] = poison.reason
            await eventually(lambda: scene.count("parked_messages") >= len(expected), 60.0)
            crashes = scene.times_logged("command crashed")
        account = await scene.account(len(expected) + crashes)
        wrong = tuple(_wrongly_parked(scene.tables()["parked_messages"], expected))
        return Account(account.times, account.commands, account.events, (*account.problems, *wrong), account.stall_seconds)


async def a_hundred_times_over(trial: Trial) -> Account:
    """Ask for the same a hundred times, by message and by RPC, all mixed: each has its effect once."""
    kinds = 1 if trial.short else 12
    chance = random.Random(trial.seed)  # noqa: S311 - varies the trial, keeps no secret
    with Scene(trial.folder, seed=trial.seed) as scene:
        await scene.start()
        messages = [repeated for number in range(kinds) for repeated in _repeated(number, chance)] * _TIMES_OVER
        chance.shuffle(messages)
        requests = [AllocateRequest(order_id=f"again-{number}", sku=SKUS[number % 4], quantity=1) for number in range(kinds)]
        requests *= _TIMES_OVER
        chance.shuffle(requests)
        async with scene.load.going_on():
            await scene.load.repeat(messages, requests)
        return await scene.account(len(messages) + len(requests))


def _poisons(number: int) -> Iterator[Poison]:
    order = OrderPlaced(order_id=f"poison-{number}", lines=[OrderPlacedLine(sku=SKUS[0], quantity=1)])
    payload = order.SerializeToString()
    yield Poison("malformed", "order.placed", payload[:-1], {})
    yield Poison("malformed", "batch.created", b"\xff\xff\xff", {})
    yield Poison("malformed", "batch.quantity.changed", b"", {})
    yield Poison("malformed", "order.placed", payload, {"ce-id": "x" * 300, "ce-source": "/tests/poison"})
    twice = OrderPlaced(order_id=f"poison-{number}", lines=[*order.lines, *order.lines])
    yield Poison("malformed", "order.placed", twice.SerializeToString(), {})
    yield Poison("wrong_type", "order.placed", payload, {"ce-type": "stock.allocation.v1.BatchCreated"})
    unknown = BatchQuantityChanged(batch_reference=f"never-created-{number}", quantity=1)
    yield Poison("unknown_batch", "batch.quantity.changed", unknown.SerializeToString(), {})
    # The load publishes a batch with this identity first.
    used = {"ce-id": "stock-1-0", "ce-source": "/tests/load"}
    yield Poison("identity_reused", "batch.quantity.changed", unknown.SerializeToString(), used)
    crashing = OrderPlaced(order_id=ALWAYS_CRASHES, lines=[OrderPlacedLine(line_id=str(number), sku=SKUS[0], quantity=1)])
    yield Poison("too_many_deliveries", "order.placed", crashing.SerializeToString(), {})


def _wrongly_parked(rows: list[Row], expected: dict[int, str]) -> Iterator[Problem]:
    """Find what was parked for another reason than expected, or not; what crashed by chance too often may be parked too."""
    parked = {row["sequence"]: row["reason"] for row in rows if row["stream"] == INBOUND}
    for sequence, reason in expected.items():
        if parked.get(sequence) != reason:
            found = parked.get(sequence, "not parked")
            yield Problem(Kind.WRONG, f"message {sequence} had to be parked as {reason}, and is {found}")
    for sequence in parked.keys() - expected.keys():
        if parked[sequence] not in ("too_many_deliveries", "malformed"):
            yield Problem(Kind.WRONG, f"message {sequence} of the load was parked as {parked[sequence]}")
    healthy = Counter(parked[sequence] for sequence in parked.keys() - expected.keys())
    if healthy["malformed"] > 1:  # the load places one order of nothing in each round
        yield Problem(Kind.WRONG, f"{healthy['malformed']} messages of the load were parked as malformed")


def _repeated(number: int, chance: random.Random) -> Iterator[tuple[str, Message, str]]:
    lines = [OrderPlacedLine(sku=sku, quantity=chance.randint(1, 3)) for sku in SKUS]
    yield "order.placed", OrderPlaced(order_id=f"repeated-{number}", lines=lines), f"repeated-order-{number}"
    created = BatchCreated(batch_reference=f"repeated-{number}", sku=SKUS[number % 4], purchased_quantity=10)
    yield "batch.created", created, f"repeated-batch-{number}"
    yield "order.placed", OrderPlaced(order_id=f"repeated-{number}", lines=lines), ""
    changed = BatchQuantityChanged(batch_reference=f"small-table-{number % 3}", quantity=chance.randint(10, 30))
    yield "batch.quantity.changed", changed, f"repeated-quantity-{number}"
