"""The lives of streams, and what is forgotten once it is published."""

from __future__ import annotations

from allocation.domain.commands import CreateBatch
from allocation.service_layer.housekeeping import MarkPublished, ObserveStream
from allocation.service_layer.records import KnownStream, ObservedStream
from allocation.service_layer.streams import StreamState
from tests.unit.house import House

EVENTS = "ALLOCATION_EVENTS"


def observe(house: House, created_at: str, last_sequence: int, ack_floor: int = 0) -> KnownStream:
    observed: ObservedStream = house.do(ObserveStream(StreamState(EVENTS, created_at, last_sequence, ack_floor)))
    return observed.known


def house_with_three_events() -> House:
    house = House()
    house.do(*(CreateBatch(f"b{number}", "GARISH-RUG", 1) for number in (1, 2, 3)))
    observe(house, "monday", 0)
    return house


def test_the_first_life_of_a_stream_is_number_one() -> None:
    house = House()
    assert observe(house, "monday", 70) == KnownStream(EVENTS, "monday", incarnation=1, last_sequence=0)


def test_a_stream_that_only_grew_lives_on() -> None:
    house = House()
    observe(house, "monday", 70)
    house.do(MarkPublished(EVENTS, 1, 80, ()))
    before = house.dump()
    assert observe(house, "monday", 80) == KnownStream(EVENTS, "monday", incarnation=1, last_sequence=80)
    assert observe(house, "monday", 81).incarnation == 1
    assert house.dump() == before


def test_another_creation_time_is_another_life() -> None:
    house = House()
    observe(house, "monday", 0)
    house.do(MarkPublished(EVENTS, 1, 80, ()))
    assert observe(house, "tuesday", 90) == KnownStream(EVENTS, "tuesday", incarnation=2, last_sequence=0)


def test_a_last_sequence_below_the_highest_known_is_another_life() -> None:
    house = House()
    observe(house, "monday", 0)
    house.do(MarkPublished(EVENTS, 1, 80, ()))
    assert observe(house, "monday", 79) == KnownStream(EVENTS, "monday", 2, last_sequence=0, copied_through=80)


def test_an_older_copy_of_a_stream_was_consumed_as_far_as_it_says() -> None:
    house = House()
    observe(house, "monday", 0)
    house.do(MarkPublished(EVENTS, 1, 80, ()))
    known = observe(house, "monday", 79, ack_floor=60)
    assert known == KnownStream(EVENTS, "monday", 2, last_sequence=60, copied_through=80)
    assert not known.is_behind(60), "it is the stream that is old, and not the database"


def test_another_message_at_the_highest_known_sequence_is_another_life() -> None:
    house, stored = House(), 1_700_000_000_000_000
    observe(house, "monday", 0)
    house.store.streams[EVENTS] = KnownStream(EVENTS, "monday", 1, 80, last_stored_at=stored)
    state = StreamState(EVENTS, "monday", 90, ack_floor=60)
    for same in (stored, stored + 1, None):
        assert not house.do(ObserveStream(state, last_stored_at=same)).is_another
    assert house.do(ObserveStream(state, last_stored_at=stored + 1_000)) == (
        KnownStream(EVENTS, "monday", 2, 60, copied_through=80),
        True,
    )


def test_an_older_copy_of_the_database_is_behind_what_was_acknowledged() -> None:
    house = House()
    observe(house, "monday", 0)
    house.do(MarkPublished(EVENTS, 1, 50, ()))
    known = observe(house, "monday", 80, ack_floor=60)
    assert known == KnownStream(EVENTS, "monday", incarnation=1, last_sequence=50)
    assert (known.is_behind(60), known.is_behind(50), known.is_behind(49)) == (True, False, False)


def test_a_stream_with_another_event_where_the_last_was_published_is_an_older_copy() -> None:
    house = house_with_three_events()
    house.do(MarkPublished(EVENTS, 1, 80, (), "the-last"))
    state = StreamState(EVENTS, "monday", 90)
    for there in (None, "the-last"):
        assert not house.do(ObserveStream(state, last_event_id=there)).is_another
    assert house.do(ObserveStream(state, last_event_id="another")) == (
        KnownStream(EVENTS, "monday", 2, 0, copied_through=80),
        True,
    )


def test_what_was_published_further_on_is_remembered_and_by_which_event() -> None:
    house = house_with_three_events()
    house.do(MarkPublished(EVENTS, 1, 80, (), "the-last"), MarkPublished(EVENTS, 1, 5, (), "a duplicate"))
    assert house.store.streams[EVENTS] == KnownStream(EVENTS, "monday", 1, 80, last_event_id="the-last")
    house.do(MarkPublished(EVENTS, 1, 81, ()))
    assert house.store.streams[EVENTS] == KnownStream(EVENTS, "monday", 1, 81)


def test_published_events_leave_the_outbox_and_stay_in_the_log() -> None:
    house = house_with_three_events()
    house.do(MarkPublished(EVENTS, 1, sequence=2, positions=(1, 3)))
    assert list(house.store.unpublished) == [2]
    assert len(house.store.log) == 3
    assert house.store.streams[EVENTS].last_sequence == 2


def test_marking_twice_is_harmless() -> None:
    house = house_with_three_events()
    house.do(MarkPublished(EVENTS, 1, sequence=2, positions=(1, 2)))
    before = house.dump()
    house.do(MarkPublished(EVENTS, 1, sequence=2, positions=(1, 2)))
    assert house.dump() == before


def test_a_stream_is_never_remembered_as_shorter_than_it_was() -> None:
    house = house_with_three_events()
    house.do(MarkPublished(EVENTS, 1, sequence=9, positions=()), MarkPublished(EVENTS, 1, sequence=5, positions=(1,)))
    assert house.store.streams[EVENTS].last_sequence == 9
    assert list(house.store.unpublished) == [2, 3]


def test_a_sequence_of_an_earlier_life_says_nothing_about_this_one() -> None:
    house = house_with_three_events()
    observe(house, "tuesday", 0)
    house.do(MarkPublished(EVENTS, 1, sequence=9, positions=(1,)))
    assert house.store.streams[EVENTS] == KnownStream(EVENTS, "tuesday", incarnation=2, last_sequence=0)
    assert list(house.store.unpublished) == [2, 3]
