"""What every program must show against a live service; each check raises AssertionError with what it saw instead."""

from __future__ import annotations

import asyncio
import itertools
import re
import signal
import time
from typing import TYPE_CHECKING

import nats
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1 import events_pb2, inbound_events_pb2, subjects

from examples.world.programs import succeed
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.live import LiveService
    from tests.conformance.subject import Follower, Subject

DEADLINE_SECONDS_MAX = 15.0
CATCH_UP_SECONDS = 60.0
STREAM = "ALLOCATION_EVENTS"
INVALID = 2
_numbers = itertools.count(1)


def fresh(subject: Subject, what: str) -> str:
    """Make a name that nothing else has."""
    return f"{subject.program.name}-{what}-{next(_numbers)}"


def health(subject: Subject, live: LiveService) -> None:
    """It asks the standard health service."""
    del live
    answer = subject.ask("try", fresh(subject, "health"))
    expect(answer.lines[:1], [{"health": "SERVING"}])


def rpc(subject: Subject, live: LiveService) -> None:
    """It creates a batch and allocates a line of it."""
    name = fresh(subject, "rpc")
    answer = subject.ask("try", name)
    expect(answer.status, 0)
    expect(
        answer.lines[1:3],
        [
            {"batch_reference": f"{name}-batch", "purchased_quantity": 10},
            {
                "order_id": f"{name}-1",
                "line_id": f"{name}-sku",
                "state": "LINE_STATE_ALLOCATED",
                "batch_reference": f"{name}-batch",
            },
        ],
    )
    with live.stub() as stub:
        batch = stub.GetBatch(messages.GetBatchRequest(batch_reference=f"{name}-batch")).batch
    expect((batch.purchased_quantity, batch.allocated_quantity), (10, 3))


def typed_errors(subject: Subject, live: LiveService) -> None:
    """It reads the typed reason of a rejection."""
    del live
    answer = subject.ask("try", fresh(subject, "errors"))
    expect(answer.lines[3:], [{"code": "FAILED_PRECONDITION", "reason": "REJECTION_REASON_UNKNOWN_SKU"}])


def deadline(subject: Subject, live: LiveService) -> None:
    """It gives up by its deadline on a service that accepts connections and never answers."""
    live.service.send(signal.SIGSTOP)
    began = time.monotonic()
    try:
        answer = subject.ask("try", fresh(subject, "deadline"))
    finally:
        live.service.send(signal.SIGCONT)
    expect((answer.status, answer.lines), (1, [{"code": "DEADLINE_EXCEEDED"}]))
    assert time.monotonic() - began < DEADLINE_SECONDS_MAX, f"it took {time.monotonic() - began:.1f} s"
    wait_until(live.service.serves)


def events_in(subject: Subject, live: LiveService) -> None:
    """It reports a quantity by an event in a CloudEvents envelope, and the service takes it."""
    reference = fresh(subject, "damaged")
    create(live, reference, fresh(subject, "sku"), 10)
    answer = subject.ask("damage", reference, "4")
    expect((answer.status, answer.lines[0]["subject"]), (0, subjects.BATCH_QUANTITY_CHANGED))
    headers, payload = asyncio.run(stored(live, "ALLOCATION_INBOUND", answer.lines[0]["stream_sequence"]))
    event = inbound_events_pb2.BatchQuantityChanged.FromString(payload)
    expect((event.batch_reference, event.quantity), (reference, 4))
    expect(headers.get("ce-specversion"), "1.0")
    expect(headers.get("ce-type"), event.DESCRIPTOR.full_name)
    expect(headers.get("ce-source"), f"/{subject.program.name}")
    expect(headers.get("ce-datacontenttype"), "application/protobuf")
    assert headers.get("ce-id"), "it has no ce-id"
    expect(headers.get("Nats-Msg-Id"), headers["ce-id"])
    with live.stub() as stub:
        request = messages.GetBatchRequest(batch_reference=reference)
        wait_until(lambda: stub.GetBatch(request).batch.purchased_quantity == event.quantity)


def constraints(subject: Subject, live: LiveService) -> None:
    """It finds by itself what breaks a constraint, and publishes nothing."""
    before = asyncio.run(last_sequence(live, "ALLOCATION_INBOUND"))
    for reference, quantity, field in (("b", "-1", "quantity"), ("", "5", "batch_reference"), ("b\n", "5", "batch_reference")):
        answer = subject.ask("damage", reference, quantity)
        expect((answer.status, answer.lines), (INVALID, [{"violations": [field]}]))
    answer = subject.ask("damage", "b" * 129, "-5")
    expect((answer.status, sorted(answer.lines[0]["violations"])), (INVALID, ["batch_reference", "quantity"]))
    expect(asyncio.run(last_sequence(live, "ALLOCATION_INBOUND")), before)


def events_out(subject: Subject, live: LiveService) -> None:
    """It follows what is promised, and drops what came twice or is older than what it knows."""
    with subject.follow(fresh(subject, "follower")) as follower:
        sku = fresh(subject, "sku")
        create(live, f"{sku}-early", sku, 30)
        create(live, f"{sku}-late", sku, 30)
        allocate(live, sku, 10, quantity=3)
        caught_up(follower, live)
        with live.stub() as stub:
            stub.ChangeBatchQuantity(messages.ChangeBatchQuantityRequest(batch_reference=f"{sku}-early", quantity=10))
        caught_up(follower, live)
        before = follower.figures()
        asyncio.run(publish_twice_and_late(live, sku))
        follower.wait_for(
            CATCH_UP_SECONDS,
            duplicates=before["duplicates"] + 1,
            stale=before["stale"] + 1,
            lines=before["lines"],
            units=before["units"],
        )
        expect(follower.end(signal.SIGTERM), 0)


def restart(subject: Subject, live: LiveService) -> None:
    """It is killed in the middle, and so is the broker: nothing is lost and nothing doubled."""
    sku = fresh(subject, "sku")
    create(live, f"{sku}-batch", sku, 10_000)
    with subject.follow(fresh(subject, "restarted")) as follower:
        for _ in range(3):
            allocate(live, sku, 100)
            wait_until(follower.figures, CATCH_UP_SECONDS)
            follower.end(signal.SIGKILL)
            allocate(live, sku, 100)
            follower.start()
        caught_up(follower, live)
        live.broker.kill()
        allocate(live, sku, 100)
        live.broker.start()
        allocate(live, sku, 100)
        caught_up(follower, live)


def golden_vectors(subject: Subject, live: LiveService) -> None:
    """The tests of its package read the golden vectors."""
    del live
    printed = succeed(subject.program.golden_vectors)
    assert re.search(subject.program.golden_passed, printed, re.MULTILINE), f"no golden test was run:\n{printed[-2000:]}"


def own_tests(subject: Subject, live: LiveService) -> None:
    """The tests of its package and of the program pass."""
    del live
    for command in subject.program.tests:
        succeed(command)


FEATURES: dict[str, Callable[[Subject, LiveService], None]] = {
    "RPC": rpc,
    "typed errors": typed_errors,
    "deadline": deadline,
    "events in": events_in,
    "events out": events_out,
    "restart": restart,
    "constraints": constraints,
    "golden vectors": golden_vectors,
    "health": health,
    "own tests": own_tests,
}


def expect(seen: object, expected: object) -> None:
    """Compare, and say what was seen."""
    assert seen == expected, f"expected {expected}, saw {seen}"


def create(live: LiveService, reference: str, sku: str, quantity: int) -> None:
    """Create a batch in stock."""
    with live.stub() as stub:
        stub.CreateBatch(messages.CreateBatchRequest(batch_reference=reference, sku=sku, purchased_quantity=quantity))


def allocate(live: LiveService, sku: str, lines: int, quantity: int = 1) -> None:
    """Allocate lines of orders that nobody else has."""
    with live.stub() as stub:
        for _ in range(lines):
            stub.Allocate(messages.AllocateRequest(order_id=f"customer-{next(_numbers)}", sku=sku, quantity=quantity))


def caught_up(follower: Follower, live: LiveService) -> None:
    """Wait until the follower knows what the database says."""
    promised = live.promised()
    follower.wait_for(CATCH_UP_SECONDS, lines=promised.lines, units=promised.units)


async def publish_twice_and_late(live: LiveService, sku: str) -> None:
    """Publish the last event of a sku once more, and one with a new ce-id that claims an older sku_sequence."""
    client = await nats.connect(live.broker.url)
    jetstream = client.jetstream()
    position = (await jetstream.stream_info(STREAM)).state.last_seq
    while True:
        message = await jetstream.get_msg(STREAM, position)
        headers = {name: value for name, value in (message.headers or {}).items() if name.startswith("ce-")}
        if headers["ce-subject"] == sku and message.subject == subjects.ALLOCATED:
            break
        position -= 1
    await jetstream.publish(message.subject, message.data or b"", headers=headers)
    event = events_pb2.Allocated.FromString(message.data or b"")
    event.sku_sequence, event.quantity = 1, event.quantity + 1
    await jetstream.publish(message.subject, event.SerializeToString(), headers=headers | {"ce-id": f"late-{sku}"})
    await client.close()


async def stored(live: LiveService, stream: str, sequence: int) -> tuple[dict[str, str], bytes]:
    """Read a message from a stream: headers and payload."""
    client = await nats.connect(live.broker.url)
    message = await client.jetstream().get_msg(stream, sequence)
    await client.close()
    return dict(message.headers or {}), message.data or b""


async def last_sequence(live: LiveService, stream: str) -> int:
    """Ask a stream for the sequence of its last message."""
    client = await nats.connect(live.broker.url)
    information = await client.jetstream().stream_info(stream)
    await client.close()
    return int(information.state.last_seq)
