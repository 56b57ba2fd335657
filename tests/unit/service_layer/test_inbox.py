"""What becomes of an inbound message: applied once, skipped, rejected aloud, or set aside; and what it leaves behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from stock.allocation.v1 import errors_pb2, events_pb2
from stock.allocation.v1.inbound_events_pb2 import OrderPlaced, OrderPlacedLine

from allocation.domain.commands import Allocate, CreateBatch
from allocation.service_layer.envelope import Envelope
from allocation.service_layer.housekeeping import Park, ParkingReason
from allocation.service_layer.inbox import Consumption
from allocation.service_layer.records import InboxKey, StreamPlace
from tests.unit.house import INBOUND, TODAY, Consumer, House, allocate, decoded
from tests.unit.service_layer.happenings import RUG, changed, created

if TYPE_CHECKING:
    from google.protobuf.message import Message


def placed(order_id: str, **lines: int) -> OrderPlaced:
    return OrderPlaced(
        order_id=order_id,
        lines=[OrderPlacedLine(line_id=line_id, sku=RUG, quantity=quantity) for line_id, quantity in lines.items()],
    )


def test_an_event_takes_effect(house: House, consumer: Consumer) -> None:
    assert consumer.publish(created()) is Consumption.APPLIED
    assert consumer.publish(changed(7)) is Consumption.APPLIED
    assert consumer.publish(placed("o1", line_1=3)) is Consumption.APPLIED
    batch = house.store.batches_by_reference["b1"]
    assert (batch.purchased_quantity, batch.allocated_quantity) == (7, 3)


def test_an_event_with_source_and_id_takes_effect_once(house: House, consumer: Consumer) -> None:
    assert consumer.publish(placed("o1", line_1=3), ce_source="/shop", ce_id="7") is Consumption.APPLIED
    before = len(house.store.log)
    assert consumer.publish(placed("o1", line_1=3), ce_source="/shop", ce_id="7") is Consumption.REPEATED
    assert len(house.store.log) == before
    assert InboxKey("/shop", "7") in house.store.consumed


def test_a_bare_event_is_known_by_its_place_in_the_stream(house: House, consumer: Consumer) -> None:
    message = consumer.message(created())
    assert consumer.consume(message) == [Consumption.APPLIED]
    assert consumer.consume(replace(message, deliveries=2)) == [Consumption.REPEATED]
    (entry,) = house.store.consumed.values()
    assert (entry.key, entry.place) == (InboxKey(f"{INBOUND}/1", "1"), StreamPlace(INBOUND, 1, 1))
    assert entry.consumed_at == TODAY


def test_the_same_event_twice_in_one_group_takes_effect_once(consumer: Consumer) -> None:
    twice = [consumer.message(changed(5), ce_source="/shop", ce_id="7") for _ in range(2)]
    consumer.publish(created())
    assert consumer.consume(*twice) == [Consumption.APPLIED, Consumption.REPEATED]


def test_a_known_id_with_another_payload_is_parked(house: House, consumer: Consumer) -> None:
    consumer.publish(created(), ce_source="/shop", ce_id="7")
    assert consumer.publish(created("b2"), ce_source="/shop", ce_id="7") is Consumption.PARKED
    (parked,) = house.store.parked.values()
    assert (parked.reason, parked.place.sequence) == (ParkingReason.IDENTITY_REUSED, 2)
    assert parked.detail == "ce-source '/shop' with ce-id '7' came before with another payload"
    assert parked.payload == created("b2").SerializeToString()
    assert parked.headers == '{"ce-id": "7", "ce-source": "/shop"}'
    assert set(house.store.batches_by_reference) == {"b1"}


def test_a_parked_message_that_comes_again_is_not_parked_twice(house: House, consumer: Consumer) -> None:
    message = replace(consumer.message(created()), payload=b"\xff")
    assert consumer.consume(message) == [Consumption.PARKED]
    before = house.dump()
    assert consumer.consume(replace(message, deliveries=2)) == [Consumption.PARKED_ALREADY]
    assert house.dump() == before
    assert next(iter(house.store.parked.values())).reason is ParkingReason.MALFORMED


def test_a_parked_message_holds_nobody_up(house: House, consumer: Consumer) -> None:
    broken = replace(consumer.message(created()), payload=b"\xff")
    assert consumer.consume(broken, consumer.message(created())) == [Consumption.PARKED, Consumption.APPLIED]
    assert "b1" in house.store.batches_by_reference


def test_a_conflicting_batch_is_rejected_aloud_once(house: House, consumer: Consumer) -> None:
    consumer.publish(created())
    message = consumer.message(created(quantity=11), ce_source="/purchasing", ce_id="7")
    assert consumer.consume(message) == [Consumption.REJECTED]
    rejected = decoded(house.store.log[-1])
    assert isinstance(rejected, events_pb2.Rejected)
    assert (rejected.batch_reference, rejected.sku, rejected.quantity) == ("b1", RUG, 11)
    assert rejected.reason == errors_pb2.REJECTION_REASON_BATCH_CONFLICT
    named = (rejected.message_type, rejected.message_source, rejected.message_id)
    assert named == ("stock.allocation.v1.BatchCreated", "/purchasing", "7")
    assert rejected.detail.startswith("batch 'b1' was created with sku 'GARISH-RUG', quantity 10")
    before = len(house.store.log)
    assert consumer.consume(replace(message, deliveries=2)) == [Consumption.REPEATED]
    assert len(house.store.log) == before


def test_a_conflicting_line_is_rejected_aloud_and_the_good_ones_stand(house: House, consumer: Consumer) -> None:
    consumer.publish(created())
    house.do(allocate("o1", RUG, 3, line_id="line-1"))
    order = placed("o1", **{"line-1": 4, "line-2": 2})
    assert consumer.publish(order) is Consumption.APPLIED
    assert house.told()[-2:] == ["Allocated", "Rejected"] or house.told()[-2:] == ["Rejected", "Allocated"]
    (rejected,) = (event for event in map(decoded, house.store.log) if isinstance(event, events_pb2.Rejected))
    assert (rejected.order_id, rejected.line_id, rejected.quantity) == ("o1", "line-1", 4)
    assert rejected.reason == errors_pb2.REJECTION_REASON_LINE_CONFLICT
    assert house.store.batches_by_reference["b1"].allocated_quantity == 5


def test_the_highest_sequence_seen_is_remembered(house: House, consumer: Consumer) -> None:
    first, second = consumer.message(created()), consumer.message(created("b2"))
    consumer.consume(second)
    consumer.consume(first)
    assert house.store.streams[INBOUND].last_sequence == 2


def test_events_tell_the_message_that_caused_them(house: House, consumer: Consumer) -> None:
    consumer.publish(created(), ce_source="/shop", ce_id="7", ce_correlationid="the-spring-collection")
    consumer.publish(created("b2"))
    named, bare = house.store.log
    assert (named.correlation_id, named.causation_id) == ("the-spring-collection", "7")
    assert (bare.correlation_id, bare.causation_id) == ("new-id", f"{INBOUND}/1/2")


@pytest.mark.parametrize("event", [created(), placed("o1", line_1=1)])
def test_the_same_content_by_both_doors_is_no_conflict(house: House, consumer: Consumer, event: Message) -> None:
    house.do(CreateBatch("b1", RUG, 10))
    house.do(allocate("o1", RUG, 1, line_id="line_1"))
    logged = len(house.store.log)
    assert consumer.publish(event) is Consumption.APPLIED
    assert len(house.store.log) == logged


def test_a_rejection_that_no_stream_can_cause_is_a_bug(house: House, consumer: Consumer) -> None:
    envelope = consumer.envelope(consumer.message(created()))
    impossible: Allocate = allocate("o1", "MISBEGOTTEN-RUG", 1)
    with pytest.raises(Exception, match="0") as caught:
        house.carry_out(Envelope(impossible, "", "", receipt=envelope.receipt))
    assert "cannot be rejected over a stream" in str(caught.value.__cause__)


def test_what_took_effect_is_not_parked_however_often_its_ack_was_lost(house: House, consumer: Consumer) -> None:
    message = consumer.message(created())
    consumer.consume(message)
    again = consumer.envelope(replace(message, deliveries=1_000))
    too_often = replace(again, command=Park(ParkingReason.TOO_MANY_DELIVERIES, "1000 times"))
    assert house.carry_out(too_often).answers == [Consumption.REPEATED]
    assert house.store.parked == {}
