"""Which events a stream has lost, and which it has forgotten by age or size."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from allocation.adapters.sql.outbox_reader import PublicEvent
from allocation.operators.outbox_verification import Marks, Verification
from allocation.service_layer.streams import StreamState

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def event(position: int, minutes: float = 0) -> PublicEvent:
    """An event that happened so many minutes after noon."""
    return PublicEvent(
        position, f"event-{position}", "RUG", "allocation.allocated", position, NOON + timedelta(minutes=minutes)
    )


def verification(first_sequence: int, first_held: PublicEvent | None, holds_since: datetime, stored: int = 5) -> Verification:
    state = StreamState("ALLOCATION_EVENTS", "monday", 100, first_sequence=first_sequence, holds_since=holds_since)
    return Verification(state, Marks(200), Marks(200), 10, stored=stored, first_held=first_held)


def test_a_stream_that_holds_its_first_message_has_forgotten_nothing() -> None:
    assert not verification(1, event(50), NOON).was_forgotten(event(1))


def test_what_stood_before_the_first_message_is_forgotten_and_what_stood_after_it_is_lost() -> None:
    found = verification(51, event(50), NOON)
    assert found.was_forgotten(event(49))
    assert not found.was_forgotten(event(51, -10)), "it waited in the outbox, and was published after that"


def test_a_first_message_that_was_sent_again_long_after_it_happened_tells_by_its_time() -> None:
    found = verification(51, event(3), NOON + timedelta(days=2))
    assert found.was_forgotten(event(4, 60))
    assert not found.was_forgotten(event(90, 60 * 24 * 3))


def test_a_first_message_that_the_log_does_not_know_tells_by_its_time() -> None:
    found = verification(51, None, NOON)
    assert found.was_forgotten(event(4, -1))
    assert not found.was_forgotten(event(5, 1))


def test_a_stream_that_holds_nothing_any_more_has_forgotten_all() -> None:
    assert verification(101, None, NOON, stored=0).was_forgotten(event(1))


def test_what_is_on_the_stream_or_waits_is_not_absent() -> None:
    found = verification(1, None, NOON)
    found.on_stream.add(1)
    found.waiting.add(2)
    assert [found.is_absent(event(number)) for number in (1, 2, 3)] == [False, False, True]


@pytest.mark.parametrize("position", [1, 7, 8, 9, 63, 64, 200])
def test_a_mark_is_set_once(position: int) -> None:
    marks = Marks(200)
    assert position not in marks
    assert [marks.add(position), marks.add(position), position in marks, marks.count] == [True, False, True, 1]
    assert (position - 1 in marks, position + 1 in marks) == (False, False)


def test_what_came_after_the_beginning_is_not_marked() -> None:
    marks = Marks(10)
    assert not marks.add(11)
    assert 11 not in marks
