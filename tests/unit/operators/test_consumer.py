"""What is found of a database that is behind its consumer, and what an operator reads of both."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from allocation.commands import consumer_shown
from allocation.operators.consumer import Status, findings
from allocation.operators.consumer_progress import Progress, Unacknowledged
from allocation.service_layer.records import KnownStream
from tests.unit.house import TODAY, TOMORROW

PROGRESS = Progress(
    stream="ALLOCATION_INBOUND",
    consumer="allocation",
    created_at="2026-01-01T00:00:00Z",
    first_sequence=1,
    last_sequence=100,
    delivered=100,
    ack_floor=90,
    acknowledged_through=90,
    pending=0,
    ack_pending=10,
    redelivered=2,
    waiting_pulls=1,
    oldest=Unacknowledged(91, "order.placed", TODAY),
)


def known(last_sequence: int) -> KnownStream:
    return KnownStream("ALLOCATION_INBOUND", "2026-01-01T00:00:00Z", 1, last_sequence)


@pytest.mark.parametrize("last_sequence", [90, 91, 100])
def test_a_database_that_has_consumed_what_was_acknowledged_is_not_behind(last_sequence: int) -> None:
    assert findings(PROGRESS, known(last_sequence), 0) == []


def test_a_store_that_cannot_be_looked_at_is_not_judged() -> None:
    assert findings(PROGRESS, None, 0) == []


def test_what_is_missing_is_delivered_again() -> None:
    (found,) = findings(PROGRESS, known(50), 51)
    assert (found.name, found.command) == ("behind", "allocation consumer reset --from-sequence 51")
    assert found.meaning.startswith("messages 51 to 90 were acknowledged, and this database has not consumed them")


def test_what_the_stream_has_forgotten_cannot_be_delivered_again() -> None:
    lost, behind = findings(PROGRESS, known(50), 71)
    assert (lost.name, lost.command) == ("lost", "")
    assert lost.meaning.startswith("messages 51 to 70 were acknowledged")
    assert behind.command == "allocation consumer reset --from-sequence 71"
    (everything,) = findings(PROGRESS, known(50), 91)
    assert everything.name == "lost"


def test_a_stream_that_ends_before_what_was_consumed_is_an_older_copy() -> None:
    older = replace(PROGRESS, last_sequence=2, delivered=2, ack_floor=2, acknowledged_through=2)
    (found,) = findings(older, known(3), 0)
    assert (found.name, found.command) == ("older_stream", "")
    assert found.meaning.startswith(
        "the stream ends at 2, and this database has consumed through 3: the stream is an older copy"
    )
    assert found.meaning.endswith("have publishers send again what the stream lacks and was not consumed")


def test_a_stream_with_another_message_where_the_last_was_consumed_is_an_older_copy() -> None:
    last = replace(known(91), last_stored_at=1_000_000)
    assert findings(PROGRESS, last, 0, 1_000_001) == [], "rounded"
    (found,) = findings(PROGRESS, last, 0, 5_000_000)
    assert (found.name, found.command) == ("older_stream", "")
    assert found.meaning.startswith("message 91 of the stream is not the one that this database has consumed")


def test_the_longest_waiting_message_is_shown_with_its_age() -> None:
    lines = consumer_shown.for_people(Status(PROGRESS, known(100), TODAY + timedelta(seconds=90))).splitlines()
    assert "oldest unacknowledged   sequence 91, order.placed, published 2026-01-01T00:00:00Z, 90 s ago" in lines
    assert "acknowledged    through 90, 10 delivered and not acknowledged" in lines


def test_an_empty_stream_is_told_as_empty() -> None:
    empty = replace(PROGRESS, first_sequence=101, last_sequence=100, oldest=None)
    assert "(empty, it was up to 100)" in consumer_shown.for_people(Status(empty, None, TOMORROW))


@pytest.mark.parametrize(("start", "told"), [(92, True), (91, False), (1, False), (TODAY, False)])
def test_messages_that_would_be_passed_over_are_told(start: int, *, told: bool) -> None:
    assert bool(consumer_shown.skipped(start, PROGRESS)) is told
