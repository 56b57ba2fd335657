"""Old rows are forgotten when nobody can ask for them any more, and what went is written down."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stock.allocation.v1.inbound_events_pb2 import BatchCreated

from allocation.adapters.memory import MemoryStore
from allocation.domain.commands import ChangeBatchQuantity, CreateBatch
from allocation.service_layer.aged import Book, ForgottenEvents, InboxPage, LogPage, ParkedPage, Truncation
from allocation.service_layer.event_log import Recorder
from allocation.service_layer.housekeeping import (
    DiscardParked,
    ForgetEvents,
    ForgetInbox,
    ForgetParked,
    MarkPublished,
    ObserveStream,
    StreamReach,
)
from allocation.service_layer.messagebus import MessageBus
from allocation.service_layer.records import InboxKey, StreamPlace
from allocation.service_layer.streams import StreamState
from tests.unit.house import INBOUND, TODAY, Consumer, House, allocate, recorder

if TYPE_CHECKING:
    from allocation.service_layer.aged import InboxPlace
    from allocation.service_layer.housekeeping import Pass
    from allocation.service_layer.streams import InboundMessage

EVENTS = "ALLOCATION_EVENTS"
A_DAY = timedelta(days=1)
RUG = BatchCreated(batch_reference="b1", sku="RUG", purchased_quantity=10)
GONE_SINCE = TODAY + 100 * A_DAY
"""The oldest message of a stream was stored then: all that the tests do at TODAY is held no more."""


class TimedHouse(House):
    """A house whose clock can be set on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = TODAY
        still = recorder()
        self.bus = MessageBus(Recorder(still.encode, lambda: self.now, still.new_id), promises_per_transaction_max=1_000)

    def forget_inbox(self, state: StreamState, incarnation: int = 1, *, age: timedelta = A_DAY, limit: int = 500) -> int:
        """Have old messages forgotten, page after page, and answer how many were."""
        forgotten, above = 0, None
        while True:
            page = InboxPage(self.now - age, cast("InboxPlace | None", above), limit)
            passed: Pass = self.do(ForgetInbox(page, StreamReach(state, incarnation)))
            forgotten += passed.forgotten
            if passed.next is None:
                return forgotten
            above = passed.next

    def forget_parked(self, state: StreamState, incarnation: int = 1) -> int:
        """Have parked messages forgotten that ended a day ago."""
        page = ParkedPage(INBOUND, None, 500)
        passed: Pass = self.do(ForgetParked(page, self.now - A_DAY, StreamReach(state, incarnation)))
        return passed.forgotten

    def forget_events(self, holds_since: datetime | None = GONE_SINCE, limit: int = 500) -> Pass:
        """Have events forgotten that happened a day ago."""
        state = StreamState(EVENTS, "a life", 1, holds_since=holds_since)
        passed: Pass = self.do(ForgetEvents(LogPage(limit), self.now - A_DAY, state))
        return passed

    def publish_all(self) -> None:
        """Have the outbox emptied."""
        self.do(ObserveStream(StreamState(EVENTS, "a life", 1)))
        self.do(MarkPublished(EVENTS, 1, 1, tuple(self.store.unpublished)))


@pytest.fixture
def house() -> TimedHouse:
    """An empty house."""
    return TimedHouse()


@pytest.fixture
def consumer(house: TimedHouse) -> Consumer:
    """Its inbound stream, in its first life."""
    return Consumer(house)


def reaching(first_sequence: int, created_at: str = "first life", holds_since: datetime | None = None) -> StreamState:
    return StreamState(INBOUND, created_at, 1_000, first_sequence=first_sequence, holds_since=holds_since)


def test_an_old_message_that_left_its_stream_is_forgotten_and_that_is_written_down(
    house: TimedHouse, consumer: Consumer
) -> None:
    for number in range(3):
        consumer.publish(RUG, ce_source="/shop", ce_id=str(number))
    house.now += 2 * A_DAY
    assert house.forget_inbox(reaching(3)) == 2
    assert set(house.store.consumed) == {InboxKey("/shop", "2")}
    through = int((TODAY + A_DAY).timestamp() * 1_000_000)
    assert house.store.truncations == {Book.INBOX: Truncation(2, through, house.now)}


def test_a_young_message_is_not_forgotten(house: TimedHouse, consumer: Consumer) -> None:
    consumer.publish(RUG)
    house.now += A_DAY
    assert house.forget_inbox(reaching(1_000)) == 0


def test_an_old_message_that_is_still_in_its_stream_is_not_forgotten(house: TimedHouse, consumer: Consumer) -> None:
    consumer.publish(RUG)
    house.now += 1_000 * A_DAY
    assert house.forget_inbox(reaching(1)) == 0
    assert house.store.truncations == {}


def test_an_old_message_that_was_published_again_counts_from_there(house: TimedHouse, consumer: Consumer) -> None:
    consumer.publish(RUG, ce_source="/shop", ce_id="7")
    house.now += 2 * A_DAY
    consumer.publish(RUG, ce_source="/shop", ce_id="7")
    assert house.forget_inbox(reaching(2)) == 0
    house.now += 2 * A_DAY
    assert house.forget_inbox(reaching(2)) == 0, "it may be delivered from its second place"
    assert house.forget_inbox(reaching(3)) == 1


def test_nothing_is_forgotten_while_another_life_of_the_stream_is_not_yet_known(house: TimedHouse, consumer: Consumer) -> None:
    consumer.publish(RUG)
    house.now += 2 * A_DAY
    assert house.forget_inbox(reaching(1_000, "second life")) == 0
    assert house.forget_inbox(reaching(1_000), incarnation=2) == 0
    assert house.forget_inbox(reaching(1_000)) == 1


def test_a_message_of_a_former_life_goes_once_the_stream_holds_nothing_as_old(house: TimedHouse, consumer: Consumer) -> None:
    consumer.publish(RUG, ce_source="/shop", ce_id="7")
    consumer.recreate()
    house.now += 2 * A_DAY
    second = "after life 1"
    assert house.forget_inbox(reaching(0, second), incarnation=2) == 0
    assert house.forget_inbox(reaching(500, second, TODAY), incarnation=2) == 0, "a backup that was restored may hold it"
    assert house.forget_inbox(reaching(0, second, TODAY + timedelta(hours=1)), incarnation=2) == 1


def test_a_message_of_another_stream_is_kept_and_is_in_nobodys_way(house: TimedHouse, consumer: Consumer) -> None:
    for number in range(4):
        consumer.publish(RUG, ce_source="/shop", ce_id=str(number))
    for key in (InboxKey("/shop", "0"), InboxKey("/shop", "1")):
        house.store.consumed[key] = replace(house.store.consumed[key], place=StreamPlace("FORMER", 1, 1))
    house.now += 2 * A_DAY
    assert house.forget_inbox(reaching(1_000), limit=2) == 2
    assert set(house.store.consumed) == {InboxKey("/shop", "0"), InboxKey("/shop", "1")}


def test_the_pass_ends_at_messages_that_may_all_come_again(house: TimedHouse, consumer: Consumer) -> None:
    for number in range(4):
        consumer.publish(RUG, ce_source="/shop", ce_id=str(number))
    house.now += 2 * A_DAY
    passed: Pass = house.do(ForgetInbox(InboxPage(house.now, None, 2), StreamReach(reaching(1), 1)))
    assert (passed.forgotten, passed.next) == (0, None)


def test_a_parked_message_is_kept_until_it_ended_long_ago_and_left_its_stream(house: TimedHouse, consumer: Consumer) -> None:
    broken = replace(consumer.message(RUG), payload=b"\xff")
    consumer.consume(broken)
    waiting = replace(consumer.message(RUG), payload=b"\xfe")
    consumer.consume(waiting)
    house.now += 1_000 * A_DAY
    house.do(DiscardParked((StreamPlace(INBOUND, 1, 1),), "a test"))
    assert house.forget_parked(reaching(1_000)) == 0, "it ended just now"
    house.now += 2 * A_DAY
    assert house.forget_parked(reaching(1)) == 0, "a consumer that is reset would bring it again"
    assert house.forget_parked(reaching(1_000)) == 1
    assert set(house.store.parked) == {StreamPlace(INBOUND, 1, 2)}, "one that waits for an operator is kept for ever"
    assert house.store.truncations[Book.PARKED].rows == 1


def test_of_the_log_only_what_nothing_follows_is_forgotten(house: TimedHouse) -> None:
    house.do(CreateBatch("b1", "RUG", 10), allocate("o1", "RUG", 8), allocate("o2", "RUG", 3), allocate("o3", "RUG", 4))
    house.do(ChangeBatchQuantity("b1", 7))
    house.publish_all()
    house.now += 2 * A_DAY
    assert house.told() == [
        "StockChanged",
        "Allocated",
        "OutOfStock",
        "OutOfStock",
        "Deallocated",
        "StockChanged",
        "Backordered",
    ]
    assert house.forget_events().forgotten == 2
    assert house.told() == ["StockChanged", "Allocated", "Deallocated", "StockChanged", "Backordered"]
    assert house.store.truncations[Book.LOG] == Truncation(2, 6, house.now)
    assert house.store.truncated_sequences == {"RUG": ForgottenEvents(2, 4)}


def test_each_event_is_looked_at_once_and_what_was_forgotten_adds_up(house: TimedHouse) -> None:
    house.do(CreateBatch("b1", "RUG", 1))
    for number in range(10):
        house.do(allocate(f"o{number}", "RUG", 2))
    house.publish_all()
    house.now += 2 * A_DAY
    passes = []
    while (passed := house.forget_events(limit=4)).next is not None:
        passes.append((passed.forgotten, passed.next))
    assert passes == [(3, 4), (4, 8)]
    assert passed.forgotten == 2, "the last event stays"
    assert house.store.truncations[Book.LOG].rows == 9
    assert house.store.truncated_sequences == {"RUG": ForgottenEvents(9, 10)}
    assert house.store.positions == [1, 11]
    assert house.forget_events().forgotten == 0


def test_the_last_event_stays_so_that_the_position_of_the_log_never_goes_back(house: TimedHouse) -> None:
    house.do(CreateBatch("b1", "RUG", 1), allocate("o1", "RUG", 2))
    house.publish_all()
    house.now += 1_000 * A_DAY
    assert house.forget_events(house.now).forgotten == 0
    assert house.store.log_position == 2
    house.do(allocate("o2", "RUG", 2))
    assert house.forget_events(house.now).forgotten == 1
    assert house.store.log_position == 3


def test_an_event_that_is_to_be_published_is_not_forgotten_nor_any_after_it(house: TimedHouse) -> None:
    house.do(CreateBatch("b1", "RUG", 1), *(allocate(f"o{number}", "RUG", 2) for number in range(3)))
    house.do(ObserveStream(StreamState(EVENTS, "a life", 1)))
    house.do(MarkPublished(EVENTS, 1, 1, (1, 3, 4)))
    house.now += 1_000 * A_DAY
    assert house.forget_events(house.now).forgotten == 0
    assert house.store.truncations[Book.LOG].through == 1


@pytest.mark.parametrize("holds_since", [None, TODAY, TODAY + timedelta(seconds=59)])
def test_an_event_that_the_event_stream_may_hold_is_not_forgotten(house: TimedHouse, holds_since: datetime | None) -> None:
    house.do(CreateBatch("b1", "RUG", 1), *(allocate(f"o{number}", "RUG", 2) for number in range(3)))
    house.publish_all()
    house.now += 1_000 * A_DAY
    assert house.forget_events(holds_since).forgotten == 0
    assert house.store.truncations == {}


def test_an_event_of_the_services_own_books_is_no_business_of_the_event_stream(house: TimedHouse, consumer: Consumer) -> None:
    for number in range(3):
        consumer.consume(replace(consumer.message(RUG), payload=bytes([255, number])))
    assert house.told() == ["MessageParked"] * 3
    house.now += 2 * A_DAY
    assert house.forget_events(None).forgotten == 2


@dataclass(frozen=True)
class Held:
    """A message as a stream holds it; `number` tells it from all others, also from those at its place in other lives."""

    message: InboundMessage
    stored_at: datetime
    number: int

    @property
    def key(self) -> InboxKey:
        """The key under which it is consumed."""
        return InboxKey("/shop", self.message.headers["ce-id"])


@dataclass
class Stream:
    """A stream of a test, which can be read again from its beginning, trimmed, made anew and restored from a backup."""

    consumer: Consumer
    house: TimedHouse
    held: dict[int, Held] = field(default_factory=dict)
    created_at: str = "first life"
    next_sequence: int = 1
    backup: tuple[dict[int, Held], str, int] | None = None
    lives: int = 1
    published: int = 0
    delivered: set[int] = field(default_factory=set)
    """The numbers of messages that took effect, or were known to have done so, and are known still."""

    def publish(self, number: int) -> None:
        """Store a message with an identity of its own choice."""
        self.consumer.sequence = self.next_sequence - 1
        message = self.consumer.message(RUG, 1, ce_source="/shop", ce_id=str(number))
        self.published += 1
        self.held[self.next_sequence] = Held(message, self.house.now, self.published)
        self.next_sequence += 1

    def deliver_all(self, _: int) -> None:
        """Deliver all that is held, from the beginning, as after a reset of the consumer."""
        for _sequence, held in sorted(self.held.items()):
            self.consumer.consume(held.message)
            self.delivered.add(held.number)

    def trim(self, count: int) -> None:
        """Forget the oldest messages."""
        for sequence in sorted(self.held)[:count]:
            del self.held[sequence]

    def recreate(self, _: int) -> None:
        """Begin another life."""
        self.lives += 1
        self.held, self.next_sequence, self.created_at = {}, 1, f"life {self.lives}"
        self.observe()

    def back_up(self, _: int) -> None:
        """Keep a copy of the stream."""
        self.backup = (dict(self.held), self.created_at, self.next_sequence)

    def restore(self, _: int) -> None:
        """Put the copy in its place; what it holds and was forgotten before, rightly then, is as good as never delivered."""
        if self.backup is None:
            return
        held, self.created_at, self.next_sequence = self.backup
        self.held = dict(held)
        self.delivered -= {one.number for one in held.values() if one.key not in self.house.store.consumed}
        self.observe()

    def observe(self) -> None:
        """Have the door bind."""
        self.consumer.sequence = self.next_sequence - 1
        self.consumer.bind(self.created_at)

    def wait(self, hours: int) -> None:
        """Let time pass."""
        self.house.now += timedelta(hours=hours)

    def forget(self, hours: int) -> None:
        """Have old messages forgotten, and see whether any that is held and was consumed is among them."""
        first = min(self.held, default=self.next_sequence)
        since = min((held.stored_at for held in self.held.values()), default=self.house.now)
        state = StreamState(INBOUND, self.created_at, self.next_sequence - 1, first_sequence=first, holds_since=since)
        self.house.forget_inbox(state, self.consumer.incarnation, age=timedelta(hours=hours), limit=3)
        known = self.house.store.consumed
        assert not [held for held in self.held.values() if held.number in self.delivered and held.key not in known]


_OFTEN = ("publish", "deliver_all", "wait", "forget")
_STEPS = [*_OFTEN, *_OFTEN, "trim", "recreate", "back_up", "restore"]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_STEPS), st.integers(0, 2)), min_size=20, max_size=60))
def test_no_message_that_can_be_delivered_again_is_forgotten(steps: list[tuple[str, int]]) -> None:
    house = TimedHouse()
    stream = Stream(Consumer(house), house)
    for step, number in steps:
        getattr(stream, step)(number)
    assert isinstance(house.store, MemoryStore)
