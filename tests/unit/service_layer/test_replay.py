"""What becomes of a parked message that is carried out anew, or discarded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from stock.allocation.v1 import errors_pb2, events_pb2

from allocation.domain.commands import ChangeBatchQuantity, CreateBatch
from allocation.entrypoints.inbound_envelope import envelope_of
from allocation.service_layer.housekeeping import DiscardParked, Park, ParkingReason
from allocation.service_layer.inbox import Consumption
from allocation.service_layer.messagebus import CommandCrashed
from allocation.service_layer.records import Ending, StreamPlace
from tests.unit.house import INBOUND, TODAY, Consumer, asked, decoded
from tests.unit.service_layer.happenings import RUG, changed, created

if TYPE_CHECKING:
    from allocation.service_layer.envelope import Envelope
    from allocation.service_layer.streams import InboundMessage
    from tests.unit.house import House

FIRST = StreamPlace(INBOUND, 1, 1)


def parking(consumer: Consumer, message: InboundMessage) -> Envelope:
    return replace(consumer.envelope(message), command=Park(ParkingReason.UNKNOWN_BATCH, "its batch is unknown"))


def park(house: House, consumer: Consumer, message: InboundMessage) -> None:
    """Set a message aside that could be carried out one day."""
    assert house.carry_out(parking(consumer, message)).answers == [Consumption.PARKED]


def again(message: InboundMessage, incarnation: int = 1) -> Envelope:
    """Translate a parked message anew, as the operators' door does."""
    envelope = envelope_of(message, incarnation, lambda: "new-id")
    assert envelope.receipt is not None
    return replace(envelope, receipt=replace(envelope.receipt, is_replay=True))


def replay(house: House, message: InboundMessage, incarnation: int = 1) -> Any:  # noqa: ANN401 - a Consumption
    (consumption,) = house.carry_out(again(message, incarnation)).answers
    return consumption


def ending(house: House, place: StreamPlace = FIRST) -> str:
    return house.store.ended[place].outcome


def quantity(house: House) -> int:
    return house.store.batches_by_reference["b1"].purchased_quantity


def test_a_replay_takes_effect_and_ends_the_message(house: House, consumer: Consumer) -> None:
    message = consumer.message(changed(5))
    park(house, consumer, message)
    house.do(CreateBatch("b1", RUG, 10))
    assert replay(house, message) is Consumption.APPLIED
    assert quantity(house) == 5
    assert house.store.ended == {FIRST: Ending("applied", "replayed", TODAY)}
    assert house.store.log[-1].type == "internal.MessageEnded"
    assert FIRST in house.store.parked, "it stays readable"


def test_a_replay_is_ended_once(house: House, consumer: Consumer) -> None:
    message = consumer.message(created())
    park(house, consumer, message)
    assert replay(house, message) is Consumption.APPLIED
    before = house.dump()
    assert replay(house, message) is Consumption.NOT_PARKED
    assert house.dump() == before


def test_two_replays_of_one_group_take_effect_once(house: House, consumer: Consumer) -> None:
    message = consumer.message(changed(5))
    park(house, consumer, message)
    house.do(CreateBatch("b1", RUG, 10))
    assert house.carry_out(again(message), again(message)).answers == [Consumption.APPLIED, Consumption.NOT_PARKED]


def test_what_never_was_parked_is_not_replayed(house: House, consumer: Consumer) -> None:
    message = consumer.message(created())
    assert replay(house, message) is Consumption.NOT_PARKED
    assert house.store.log == []


def test_a_replay_moves_the_fence_like_any_quantity(house: House, consumer: Consumer) -> None:
    older, message = consumer.message(changed(3)), consumer.message(changed(5))
    park(house, consumer, message)
    consumer.publish(created())
    assert replay(house, message) is Consumption.APPLIED
    assert consumer.consume(older) == [Consumption.SUPERSEDED]
    assert quantity(house) == 5


def test_a_batch_that_is_still_unknown_leaves_the_message_parked(house: House, consumer: Consumer) -> None:
    message = consumer.message(changed(5))
    park(house, consumer, message)
    before = house.dump()
    assert replay(house, message) is Consumption.EARLY
    assert house.dump() == before
    consumer.publish(created())
    assert replay(house, message) is Consumption.APPLIED


def test_what_still_cannot_be_asked_stays_parked(house: House, consumer: Consumer) -> None:
    message = replace(consumer.message(created()), payload=b"\xff")
    assert consumer.consume(message) == [Consumption.PARKED]
    before = house.dump()
    assert replay(house, message) is Consumption.PARKED
    assert house.dump() == before


def test_a_known_id_with_other_bytes_stays_parked(house: House, consumer: Consumer) -> None:
    consumer.publish(created(), ce_source="/shop", ce_id="7")
    message = consumer.message(created("b2"), ce_source="/shop", ce_id="7")
    assert consumer.consume(message) == [Consumption.PARKED]
    before = house.dump()
    assert replay(house, message) is Consumption.PARKED
    assert house.dump() == before


def test_a_replay_that_breaks_a_rule_is_rejected_aloud_and_ends(house: House, consumer: Consumer) -> None:
    message = consumer.message(created(quantity=11))
    park(house, consumer, message)
    house.do(CreateBatch("b1", RUG, 10))
    assert replay(house, message) is Consumption.REJECTED
    (rejected,) = (decoded(event) for event in house.store.log if event.type.endswith(".Rejected"))
    assert isinstance(rejected, events_pb2.Rejected)
    assert (rejected.batch_reference, rejected.reason) == ("b1", errors_pb2.REJECTION_REASON_BATCH_CONFLICT)
    assert (ending(house), quantity(house)) == ("rejected", 10)


def test_what_was_published_once_more_under_its_identity_is_not_carried_out_again(house: House, consumer: Consumer) -> None:
    headers = {"ce_source": "/warehouse", "ce_id": "7"}
    message = consumer.message(changed(5), **headers)
    park(house, consumer, message)
    house.do(CreateBatch("b1", RUG, 10))
    assert consumer.publish(changed(5), **headers) is Consumption.APPLIED
    house.do(ChangeBatchQuantity("b1", 8))
    assert replay(house, message) is Consumption.REPEATED
    assert (ending(house), quantity(house)) == ("repeated", 8)


def test_what_was_replayed_is_not_carried_out_when_it_is_published_again(house: House, consumer: Consumer) -> None:
    headers = {"ce_source": "/warehouse", "ce_id": "7"}
    message = consumer.message(changed(5), **headers)
    park(house, consumer, message)
    house.do(CreateBatch("b1", RUG, 10))
    assert replay(house, message) is Consumption.APPLIED
    house.do(ChangeBatchQuantity("b1", 8))
    assert consumer.publish(changed(5), **headers) is Consumption.REPEATED
    assert quantity(house) == 8


def test_a_newer_quantity_of_the_stream_has_overtaken_it(house: House, consumer: Consumer) -> None:
    message = consumer.message(changed(5))
    park(house, consumer, message)
    house.do(CreateBatch("b1", RUG, 10))
    consumer.publish(changed(8))
    assert replay(house, message) is Consumption.SUPERSEDED
    assert (ending(house), quantity(house)) == ("superseded", 8)
    assert [event.type for event in house.store.log[-2:]] == ["internal.QuantitySkipped", "internal.MessageEnded"]


def test_a_newer_quantity_that_was_applied_before_it_was_parked_has_overtaken_it_too(house: House, consumer: Consumer) -> None:
    consumer.publish(created())
    message = consumer.message(changed(5))
    consumer.publish(changed(8))
    park(house, consumer, message)
    assert replay(house, message) is Consumption.SUPERSEDED
    assert quantity(house) == 8


@pytest.mark.parametrize("newer", [8, 10], ids=["that changed it", "that changed nothing"])
def test_a_newer_quantity_by_rpc_has_overtaken_it(house: House, consumer: Consumer, newer: int) -> None:
    message = consumer.message(changed(5))
    house.do(CreateBatch("b1", RUG, 10))
    park(house, consumer, message)
    house.do(ChangeBatchQuantity("b1", newer))
    assert replay(house, message) is Consumption.SUPERSEDED
    assert (ending(house), quantity(house)) == ("superseded", newer)


@pytest.mark.parametrize("newer", [8, 10], ids=["that changed it", "that changed nothing"])
def test_a_quantity_by_rpc_of_the_same_group_is_newer_where_it_came_later(house: House, consumer: Consumer, newer: int) -> None:
    message = consumer.message(changed(5))
    house.do(CreateBatch("b1", RUG, 10))
    house.carry_out(parking(consumer, message), asked(ChangeBatchQuantity("b1", newer)))
    assert replay(house, message) is Consumption.SUPERSEDED
    assert quantity(house) == newer


@pytest.mark.parametrize("older", [8, 10], ids=["that changed it", "that changed nothing"])
@pytest.mark.parametrize("together", [True, False], ids=["in the same group", "in a group of its own"])
def test_an_older_quantity_by_rpc_has_not_overtaken_it(house: House, consumer: Consumer, older: int, *, together: bool) -> None:
    message = consumer.message(changed(5))
    house.do(CreateBatch("b1", RUG, 10))
    by_rpc, parked = asked(ChangeBatchQuantity("b1", older)), parking(consumer, message)
    for group in [(by_rpc, parked)] if together else [(by_rpc,), (parked,)]:
        house.carry_out(*group)
    assert replay(house, message) is Consumption.APPLIED
    assert quantity(house) == 5


def test_an_older_quantity_of_the_stream_has_not_overtaken_it(house: House, consumer: Consumer) -> None:
    house.do(CreateBatch("b1", RUG, 10))
    consumer.publish(changed(8))
    message = consumer.message(changed(5))
    park(house, consumer, message)
    assert replay(house, message) is Consumption.APPLIED
    assert quantity(house) == 5


def test_an_older_quantity_of_the_stream_that_came_late_has_not_overtaken_it(house: House, consumer: Consumer) -> None:
    house.do(CreateBatch("b1", RUG, 10))
    late, message = consumer.message(changed(8)), consumer.message(changed(5))
    park(house, consumer, message)
    assert consumer.consume(replace(late, deliveries=2)) == [Consumption.APPLIED]
    assert replay(house, message) is Consumption.APPLIED
    assert quantity(house) == 5


def test_an_rpc_stands_between_what_was_parked_before_it_and_what_was_parked_after_it(house: House, consumer: Consumer) -> None:
    house.do(CreateBatch("b1", RUG, 10))
    first, second = consumer.message(changed(5)), consumer.message(changed(8))
    park(house, consumer, first)
    house.do(ChangeBatchQuantity("b1", 7))
    park(house, consumer, second)
    assert [replay(house, message) for message in (first, second)] == [Consumption.SUPERSEDED, Consumption.APPLIED]
    assert quantity(house) == 8


def test_a_newer_quantity_by_rpc_has_overtaken_it_also_when_the_stream_was_heard_since(
    house: House, consumer: Consumer
) -> None:
    house.do(CreateBatch("b1", RUG, 10))
    late, message = consumer.message(changed(6)), consumer.message(changed(5))
    park(house, consumer, message)
    house.do(ChangeBatchQuantity("b1", 7))
    consumer.consume(late)
    assert replay(house, message) is Consumption.SUPERSEDED


def test_a_quantity_of_another_stream_has_overtaken_what_was_parked_before_it_came(house: House, consumer: Consumer) -> None:
    house.do(CreateBatch("b1", RUG, 10))
    consumer.publish(changed(9))
    message = consumer.message(changed(5))
    park(house, consumer, message)
    Consumer(house, "ANOTHER").publish(changed(8))
    assert replay(house, message) is Consumption.SUPERSEDED
    assert quantity(house) == 8


def test_a_replay_out_of_a_former_stream_leaves_the_present_one_its_place(house: House, consumer: Consumer) -> None:
    house.do(CreateBatch("b1", RUG, 10))
    other = Consumer(house, "ANOTHER")
    older = other.message(changed(7))
    other.publish(changed(8))
    message = consumer.message(changed(5))
    park(house, consumer, message)
    assert replay(house, message) is Consumption.APPLIED
    assert other.consume(older) == [Consumption.SUPERSEDED]
    assert quantity(house) == 5


def test_in_an_older_copy_of_the_stream_an_older_quantity_does_not_overwrite_one_that_was_replayed(
    house: House, consumer: Consumer
) -> None:
    house.do(CreateBatch("b1", RUG, 10))
    consumer.publish(changed(9))
    older, message = consumer.message(changed(5)), consumer.message(changed(7))
    park(house, consumer, message)
    stored_at = house.store.parked[FIRST._replace(sequence=message.sequence)].stored_at
    assert replay(house, replace(message, stored_at=stored_at)) is Consumption.APPLIED
    consumer.put_back(older.sequence)
    assert consumer.consume(older) == [Consumption.SUPERSEDED]
    assert quantity(house) == 7


def test_a_quantity_of_another_batch_has_overtaken_nothing(house: House, consumer: Consumer) -> None:
    house.do(CreateBatch("b1", RUG, 10), CreateBatch("b2", RUG, 10))
    message = consumer.message(changed(5))
    park(house, consumer, message)
    consumer.publish(changed(8, "b2"))
    assert replay(house, message) is Consumption.APPLIED


def test_a_message_of_a_former_life_of_the_stream_is_replayed(house: House, consumer: Consumer) -> None:
    message = consumer.message(changed(5))
    park(house, consumer, message)
    house.do(CreateBatch("b1", RUG, 10))
    consumer.recreate()
    assert replay(house, message) is Consumption.APPLIED
    assert house.store.fences["b1"].place == FIRST


def test_a_quantity_of_a_later_life_has_overtaken_it(house: House, consumer: Consumer) -> None:
    message = consumer.message(changed(5))
    park(house, consumer, message)
    house.do(CreateBatch("b1", RUG, 10))
    consumer.recreate()
    consumer.publish(changed(8))
    assert replay(house, message) is Consumption.SUPERSEDED
    assert quantity(house) == 8


def test_replays_in_the_order_of_the_stream_end_with_the_newest_quantity(house: House, consumer: Consumer) -> None:
    first, second = consumer.message(changed(5)), consumer.message(changed(8))
    for message in (second, first):
        park(house, consumer, message)
    house.do(CreateBatch("b1", RUG, 10))
    assert [replay(house, message) for message in (first, second)] == [Consumption.APPLIED, Consumption.APPLIED]
    assert quantity(house) == 8


def test_replays_in_another_order_end_with_the_newest_quantity_too(house: House, consumer: Consumer) -> None:
    first, second = consumer.message(changed(5)), consumer.message(changed(8))
    for message in (first, second):
        park(house, consumer, message)
    house.do(CreateBatch("b1", RUG, 10))
    assert [replay(house, message) for message in (second, first)] == [Consumption.APPLIED, Consumption.SUPERSEDED]
    assert quantity(house) == 8


def test_a_replay_that_meets_a_bug_leaves_the_message_parked(
    house: House, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = consumer.message(created())
    park(house, consumer, message)
    before = house.dump()
    with monkeypatch.context() as patched:
        patched.setattr("allocation.domain.product.Product.create_batch", None)
        with pytest.raises(CommandCrashed):
            house.carry_out(again(message))
    assert house.dump() == before
    assert replay(house, message) is Consumption.APPLIED


def test_what_was_replayed_and_is_delivered_again_is_done_with(house: House, consumer: Consumer) -> None:
    message = consumer.message(changed(5))
    park(house, consumer, message)
    house.do(CreateBatch("b1", RUG, 10))
    replay(house, message)
    before = house.dump()
    assert consumer.consume(replace(message, deliveries=2)) == [Consumption.ENDED_ALREADY]
    assert house.dump() == before


def discard(house: House, *places: StreamPlace) -> int:
    answer: int = house.do(DiscardParked(places, "sent by a test"))
    return answer


def test_a_discarded_message_keeps_its_reason_and_is_never_carried_out(house: House, consumer: Consumer) -> None:
    message = consumer.message(created())
    park(house, consumer, message)
    assert discard(house, FIRST) == 1
    assert house.store.ended == {FIRST: Ending("discarded", "sent by a test", TODAY)}
    assert b"sent by a test" in house.store.log[-1].payload
    assert replay(house, message) is Consumption.NOT_PARKED
    assert house.store.batches_by_reference == {}


def test_a_discarded_message_that_is_delivered_again_is_not_parked_again(house: House, consumer: Consumer) -> None:
    message = replace(consumer.message(created()), payload=b"\xff")
    consumer.consume(message)
    discard(house, FIRST)
    before = house.dump()
    assert consumer.consume(replace(message, deliveries=2)) == [Consumption.ENDED_ALREADY]
    assert house.dump() == before


def test_only_what_is_parked_is_discarded(house: House, consumer: Consumer) -> None:
    first, second = consumer.message(created()), consumer.message(created("b2"))
    for message in (first, second):
        park(house, consumer, message)
    replay(house, first)
    assert discard(house, FIRST, StreamPlace(INBOUND, 1, 2), StreamPlace(INBOUND, 1, 3), StreamPlace("OTHER", 1, 2)) == 1
    assert {place: end.outcome for place, end in house.store.ended.items()} == {
        FIRST: "applied",
        StreamPlace(INBOUND, 1, 2): "discarded",
    }
    before = house.dump()
    assert discard(house, FIRST, StreamPlace(INBOUND, 1, 2)) == 0
    assert house.dump() == before
