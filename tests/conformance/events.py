"""What every program must show of the events that it publishes and follows."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1 import inbound_events_pb2, subjects

from tests.conformance.expectations import expect, fresh
from tests.conformance.live import CALL_SECONDS
from tests.conformance.streams import EVENTS, INBOUND, last_sequence, moved_line, publish, stored, unacked
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.conformance.follower import Follower
    from tests.conformance.live import LiveService
    from tests.conformance.subject import Subject

CATCH_UP_SECONDS = 60.0
INVALID = 2


def events_in(subject: Subject, live: LiveService) -> None:
    """It reports a quantity by an event in a CloudEvents envelope, and the service takes it."""
    reference = fresh(subject, "damaged")
    live.create(reference, fresh(subject, "sku"), 10)
    answer = subject.ask("damage", reference, "4")
    expect((answer.status, answer.lines[0]["subject"]), (0, subjects.BATCH_QUANTITY_CHANGED))
    message = stored(live, INBOUND, answer.lines[0]["stream_sequence"])
    event, headers = inbound_events_pb2.BatchQuantityChanged.FromString(message.payload), message.headers
    expect((message.subject, event.batch_reference, event.quantity), (subjects.BATCH_QUANTITY_CHANGED, reference, 4))
    expect(headers.get("ce-specversion"), "1.0")
    expect(headers.get("ce-type"), event.DESCRIPTOR.full_name)
    expect(headers.get("ce-source"), f"/{subject.program.name}")
    expect(headers.get("ce-datacontenttype"), "application/protobuf")
    assert headers.get("ce-id"), "it has no ce-id"
    expect(headers.get("Nats-Msg-Id"), headers["ce-id"])
    with live.stub() as stub:
        request = messages.GetBatchRequest(batch_reference=reference)
        wait_until(lambda: stub.GetBatch(request, timeout=CALL_SECONDS).batch.purchased_quantity == event.quantity)


def constraints(subject: Subject, live: LiveService) -> None:
    """It finds by itself what breaks a constraint, and publishes nothing."""
    before = last_sequence(live, INBOUND)
    for reference, quantity, field in (("b", "-1", "quantity"), ("", "5", "batch_reference"), ("b\n", "5", "batch_reference")):
        answer = subject.ask("damage", reference, quantity)
        expect((answer.status, answer.lines), (INVALID, [{"violations": [field]}]))
    answer = subject.ask("damage", "b" * 129, "-5")
    expect((answer.status, sorted(answer.lines[0]["violations"])), (INVALID, ["batch_reference", "quantity"]))
    expect(last_sequence(live, INBOUND), before)


def events_out(subject: Subject, live: LiveService) -> None:
    """It follows what is promised, and drops what came twice or is not newer than what it knows of the line."""
    sku = fresh(subject, "sku")
    with subject.follow(fresh(subject, "follower")) as follower:
        since = last_sequence(live, EVENTS)
        live.create(f"{sku}-early", sku, 30)
        live.create(f"{sku}-late", sku, 30)
        live.allocate(sku, 10, quantity=3)
        caught_up(follower, live)
        live.change_quantity(f"{sku}-early", 10)
        promised, withdrawn, latest = wait_until(lambda: moved_line(live, sku, since))
        caught_up(follower, live)
        before = follower.figures()
        publish(live, promised.repeated(), latest.repeated())
        # Believed, these would change the batch, take the promise away, and add a unit.
        publish(live, promised.late(), withdrawn.late(), latest.late(units_more=1))
        expected = {"duplicates": before["duplicates"] + 2, "stale": before["stale"] + 3}
        expected |= {"lines": before["lines"], "units": before["units"]}
        follower.wait_for(CATCH_UP_SECONDS, **expected)
        caught_up(follower, live)
        expect(follower.end(signal.SIGTERM), 0)
        expect({name: follower.figures()[name] for name in expected}, expected, "its last figures")


def caught_up(follower: Follower, live: LiveService) -> None:
    """Wait until the follower knows what the database says, and has acked all that there is."""
    promised = live.promised()
    follower.wait_for(CATCH_UP_SECONDS, lines=promised.lines, units=promised.units)
    try:
        wait_until(lambda: unacked(live, follower.name) == 0, CATCH_UP_SECONDS)
    except TimeoutError:
        raise AssertionError(f"it knows all, and has not acked {unacked(live, follower.name)} messages") from None
