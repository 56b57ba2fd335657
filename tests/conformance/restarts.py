"""What every program must show when it, its disk or the broker fails in the middle: nothing is lost and nothing doubled."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from stock.allocation.v1 import inbound_events_pb2, subjects

from tests.conformance.events import CATCH_UP_SECONDS, caught_up
from tests.conformance.expectations import expect, fresh
from tests.conformance.streams import EVENTS, Stored, consumer, last_sequence, publish, stored_since, unacked
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.conformance.follower import Follower
    from tests.conformance.live import LiveService
    from tests.conformance.subject import Subject

BACKLOG_LINES = 2000  # as many as an order may have
MIDDLES = 3
ROUNDS_MAX = 6
UNSAVED = 50
HOLDS_SECONDS = 1.5


def restart(subject: Subject, live: LiveService) -> None:
    """It cannot write, is killed in the middle, again and again, and so is the broker."""
    sku = fresh(subject, "sku")
    live.create(f"{sku}-batch", sku, 1_000_000)
    with subject.follow(fresh(subject, "restarted")) as follower:
        live.allocate(sku, 10)
        caught_up(follower, live)
        acks_nothing_that_it_cannot_save(follower, live, sku)
        follower.kill()
        killed_in_the_middle(follower, live, sku)
        follower.start()
        caught_up(follower, live)
        knows_what_it_has_seen(follower, live)
        live.broker.kill()
        live.allocate(sku, 100)
        live.broker.start()
        live.allocate(sku, 100)
        caught_up(follower, live)


def acks_nothing_that_it_cannot_save(follower: Follower, live: LiveService, sku: str) -> None:
    """While its state cannot be written, it may end or try again, and everything that comes stays to be delivered."""
    delivered = consumer(live, follower.name).delivered
    assert delivered is not None, f"the broker does not say what it has delivered to {follower.name}"
    with follower.unwritable_state():
        live.allocate(sku, UNSAVED)
        wait_until(lambda: has_been_delivered(live, follower.name, delivered.consumer_seq))
        with suppress(TimeoutError):  # said below, with the number
            wait_until(lambda: unacked(live, follower.name) >= UNSAVED, HOLDS_SECONDS)
        over = time.monotonic() + HOLDS_SECONDS
        wait_until(lambda: unacked(live, follower.name) < UNSAVED or time.monotonic() > over)
        expect(unacked(live, follower.name), UNSAVED, "messages that it could not save and must not have acked")


def has_been_delivered(live: LiveService, name: str, sequence: int) -> bool:
    """Whether the follower was given more than that."""
    delivered = consumer(live, name).delivered
    return delivered is not None and delivered.consumer_seq > sequence


def killed_in_the_middle(follower: Follower, live: LiveService, sku: str) -> None:
    """Kill it when it has booked a part of a large backlog in this life; a round in which it was faster does not count."""
    middles = 0
    for _ in range(ROUNDS_MAX):
        place_order(live, follower.name, sku)
        total = live.promised().lines
        follower.start()
        wait_until(lambda: has_booked_in_this_life(follower), CATCH_UP_SECONDS)
        follower.kill()
        middles += follower.figures()["lines"] < total
        if middles == MIDDLES:
            return
    raise AssertionError(f"in {ROUNDS_MAX} rounds it was killed in the middle {middles} times, {MIDDLES} are needed")


def has_booked_in_this_life(follower: Follower) -> bool:
    """Whether it knows more lines than it remembered when it was started."""
    figures = follower.figures_of_this_life()
    return bool(figures) and figures[-1]["lines"] > figures[0]["lines"]


def place_order(live: LiveService, follower: str, sku: str) -> None:
    """Have an order of many lines announced while the follower is down."""
    order_id, before, waiting = f"{follower}-{time.monotonic_ns()}", live.promised().lines, unacked(live, follower)
    lines = [inbound_events_pb2.OrderPlacedLine(line_id=str(n), sku=sku, quantity=1) for n in range(BACKLOG_LINES)]
    order = inbound_events_pb2.OrderPlaced(order_id=order_id, lines=lines)
    publish(live, Stored(subjects.ORDER_PLACED, {}, order.SerializeToString()))
    wait_until(lambda: live.promised().lines == before + BACKLOG_LINES)
    wait_until(lambda: unacked(live, follower) == waiting + BACKLOG_LINES)


def knows_what_it_has_seen(follower: Follower, live: LiveService) -> None:
    """Killed and started again, it drops an event by its ce-id, not by its sku_sequence."""
    follower.kill()
    follower.start()
    figures = wait_until(follower.figures_of_this_life, CATCH_UP_SECONDS)[0]
    known = stored_since(live, EVENTS, last_sequence(live, EVENTS) - 1)[0]
    publish(live, known.repeated())
    expected = {name: figures[name] for name in ("lines", "units", "stale")} | {"duplicates": figures["duplicates"] + 1}
    follower.wait_for(CATCH_UP_SECONDS, **expected)
