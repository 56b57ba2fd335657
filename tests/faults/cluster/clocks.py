"""The clock of the service, or of a publisher, jumps by hours under load: only what says the time may show it."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged

from examples.world.processes import dying_with_us
from tests.faults.cluster.clock import Clock
from tests.faults.cluster.progress import calls_are_answered, messages_are_consumed
from tests.faults.cluster.skewed_publisher import MESSAGES
from tests.faults.ledger import Published
from tests.faults.problem import Kind, Problem
from tests.faults.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Evidence
    from tests.faults.fault import Account, Trial

DEV = ("-m", "allocation", "dev")
_MICROSECONDS_AN_HOUR = 3_600_000_000
_SAID_BETWEEN_JUMPS = 20


async def jump_service_clock(trial: Trial) -> Account:
    """Let the service's clock jump, also while it is down; quantities wait for their batches across the jumps."""
    times = 2 if trial.short else 40
    clock = Clock(trial.folder, random.Random(trial.seed))  # noqa: S311 - varies the trial, keeps no secret
    with Scene(trial.folder, seed=trial.seed) as scene:
        await scene.start(command=clock.around("allocation", "dev"))
        async with scene.load.going_on():
            for number in range(times):
                early = f"early-{number}"
                changed = BatchQuantityChanged(batch_reference=early, quantity=number)
                await scene.load.publish("batch.quantity.changed", changed)
                clock.jump()
                if number % 4 == 1:
                    scene.service.kill()
                    clock.jump()
                    await asyncio.to_thread(scene.service.start)
                await calls_are_answered(scene)
                created = BatchCreated(batch_reference=early, sku="SMALL-TABLE", purchased_quantity=50)
                await scene.load.publish("batch.created", created)
                await messages_are_consumed(scene)
        account = await scene.account(len(clock.hours) - 1)
        evidence = await scene.evidence()
    found = (*_check_clock(evidence, clock.hours), *_check_patience(evidence), *_check_times(evidence))
    return replace(account, problems=(*account.problems, *found))


async def jump_publisher_clock(trial: Trial) -> Account:
    """Let the clock of a publisher jump, who writes it into its messages: what counts is their order on the stream."""
    times = 4 if trial.short else 40
    clock = Clock(trial.folder, random.Random(trial.seed))  # noqa: S311 - varies the trial, keeps no secret
    with Scene(trial.folder, settings={"unknown_wait_seconds": 1}, seed=trial.seed) as scene:
        await scene.start(command=DEV)
        arguments = clock.around("tests.faults.cluster.skewed_publisher", scene.nats_url, str(trial.seed))
        publisher = await asyncio.create_subprocess_exec(
            *dying_with_us([sys.executable, *arguments]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert publisher.stdout is not None
        assert publisher.stdin is not None
        said: list[Published] = []
        async with scene.load.going_on():
            for _ in range(times):
                said += [_read_published(await publisher.stdout.readline()) for _ in range(_SAID_BETWEEN_JUMPS)]
                clock.jump()
        publisher.stdin.write(b"\n")  # It tells it to end.
        async for line in publisher.stdout:
            said.append(_read_published(line))
        status = await publisher.wait()
        assert status == 0, f"the publisher ended with status {status}"
        scene.load.ledger.published += said
        account = await scene.account(times)
    hours = {
        datetime.fromisoformat(published.headers["ce-time"]).replace(minute=0, second=0, microsecond=0) for published in said
    }
    if len(hours) < min(times, 3):
        unmoved = Problem(Kind.WRONG, f"the publisher's clock was in {len(hours)} different hours: it did not jump")
        account = replace(account, problems=(*account.problems, unmoved))
    return account


def _check_clock(evidence: Evidence, hours: list[int]) -> Iterator[Problem]:
    """The service did read the clock that jumped."""
    seen = {event["occurred_at"] // _MICROSECONDS_AN_HOUR for event in evidence.tables["events"]}
    if len(seen) < len(set(hours)) // 2:
        yield Problem(Kind.WRONG, f"the clock had {len(set(hours))} offsets, and the log knows {len(seen)} different hours")


def _check_patience(evidence: Evidence) -> Iterator[Problem]:
    """No quantity was given up because of a jump: each waited for some seconds, and the limit is half a minute."""
    for row in evidence.tables["parked_messages"]:
        if row["reason"] != "malformed":
            yield Problem(Kind.LOST, f"{row['subject']} {row['sequence']} was parked as {row['reason']}: {row['detail']}")


def _check_times(evidence: Evidence) -> Iterator[Problem]:
    """What an event says of its time is what the log says."""
    logged = {event["event_id"]: event["occurred_at"] for event in evidence.public_events}
    for stored in evidence.outgoing:
        said = datetime.fromisoformat(stored.headers["ce-time"]).timestamp()
        if round(said * 1e6) != logged.get(stored.headers["ce-id"]):
            yield Problem(Kind.WRONG, f"event {stored.sequence} says {stored.headers['ce-time']}, and the log another time")


def _read_published(line: bytes) -> Published:
    said = json.loads(line)
    message = MESSAGES[said["subject"]].FromString(bytes.fromhex(said["payload"]))
    return Published(said["subject"], message, said["headers"], said["sequence"])
