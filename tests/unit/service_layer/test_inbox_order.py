"""Which quantity counts: early ones wait, stale ones are skipped, and a recreated stream begins anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from allocation.domain.commands import ChangeBatchQuantity
from allocation.service_layer.inbox import Consumption
from tests.unit.house import INBOUND, Consumer
from tests.unit.service_layer.happenings import RUG, changed, created

if TYPE_CHECKING:
    from tests.unit.house import House


def test_a_quantity_of_an_unknown_batch_is_early_and_leaves_nothing_behind(house: House, consumer: Consumer) -> None:
    message = consumer.message(changed(5))
    assert consumer.consume(message) == [Consumption.EARLY]
    assert (house.store.log, house.store.consumed, house.store.fences, house.store.parked) == ([], {}, {}, {})
    consumer.publish(created())
    assert consumer.consume(replace(message, deliveries=2)) == [Consumption.APPLIED], "older, but no quantity was newer"
    assert house.store.batches_by_reference["b1"].purchased_quantity == 5


def test_a_stale_quantity_never_overwrites_a_newer_one(house: House, consumer: Consumer) -> None:
    consumer.publish(created())
    older, newer = consumer.message(changed(5)), consumer.message(changed(8))
    assert consumer.consume(newer) == [Consumption.APPLIED]
    assert consumer.consume(replace(older, deliveries=2)) == [Consumption.SUPERSEDED]
    assert house.store.batches_by_reference["b1"].purchased_quantity == 8
    skipped = house.store.log[-1]
    assert (skipped.type, skipped.subject, skipped.sku) == ("internal.QuantitySkipped", None, RUG)
    assert b'"quantity": 5' in skipped.payload
    assert consumer.consume(replace(older, deliveries=3)) == [Consumption.REPEATED], "what was skipped is done with"


def test_quantities_of_one_group_are_fenced_too(house: House, consumer: Consumer) -> None:
    consumer.publish(created())
    older, newer = consumer.message(changed(5)), consumer.message(changed(8))
    assert consumer.consume(newer, older) == [Consumption.APPLIED, Consumption.SUPERSEDED]
    assert house.store.fences["b1"].place == (INBOUND, 1, newer.sequence)


def test_the_fence_stands_for_one_batch_alone(house: House, consumer: Consumer) -> None:
    consumer.publish(created())
    consumer.publish(created("b2"))
    older, newer = consumer.message(changed(5, "b2")), consumer.message(changed(8))
    assert consumer.consume(newer, older) == [Consumption.APPLIED, Consumption.APPLIED]
    assert house.store.batches_by_reference["b2"].purchased_quantity == 5


def test_a_creation_moves_no_fence(house: House, consumer: Consumer) -> None:
    consumer.publish(created())
    assert house.store.fences == {}


def test_an_rpc_moves_no_fence(house: House, consumer: Consumer) -> None:
    consumer.publish(created())
    older = consumer.message(changed(5))
    house.do(ChangeBatchQuantity("b1", 8))
    assert consumer.consume(older) == [Consumption.APPLIED], "between the doors, order is the order of arrival"


def test_in_an_older_copy_of_the_stream_an_older_quantity_does_not_overwrite_a_newer_one(
    house: House, consumer: Consumer
) -> None:
    consumer.publish(created())
    older, newer = consumer.message(changed(5)), consumer.message(changed(9))
    consumer.consume(older, newer)
    consumer.put_back(older.sequence)
    assert consumer.consume(replace(older, deliveries=2)) == [Consumption.SUPERSEDED]
    assert house.store.batches_by_reference["b1"].purchased_quantity == 9
    assert consumer.publish(changed(7)) is Consumption.APPLIED, "at the place of the lost one"
    consumer.put_back(older.sequence)
    assert consumer.consume(replace(older, deliveries=3)) == [Consumption.SUPERSEDED], "in a copy of a copy, too"
    assert house.store.batches_by_reference["b1"].purchased_quantity == 7


def test_what_comes_after_the_copy_is_newer_whatever_the_clock_of_its_broker_says(house: House, consumer: Consumer) -> None:
    consumer.publish(created())
    consumer.publish(changed(5))
    consumer.publish(changed(9))
    consumer.put_back(2)
    consumer.publish(changed(6))
    consumer.seconds = 0
    assert consumer.publish(changed(8)) is Consumption.APPLIED
    assert house.store.batches_by_reference["b1"].purchased_quantity == 8


def test_a_recreated_stream_counts_from_one_again_and_is_not_taken_for_old(house: House, consumer: Consumer) -> None:
    consumer.publish(created())
    for quantity in (9, 8, 7):
        consumer.publish(changed(quantity))
    consumer.recreate()
    assert consumer.publish(changed(3)) is Consumption.APPLIED
    assert house.store.batches_by_reference["b1"].purchased_quantity == 3
    assert house.store.fences["b1"].place == (INBOUND, 2, 1)


def test_a_message_of_another_life_is_not_touched(house: House, consumer: Consumer) -> None:
    consumer.publish(created())
    envelope = consumer.envelope(consumer.message(changed(3)))
    consumer.recreate()
    before = house.dump()
    assert house.carry_out(envelope).answers == [Consumption.OTHER_LIFE]
    assert house.dump() == before


def test_a_stream_that_was_never_observed_is_of_another_life(house: House, consumer: Consumer) -> None:
    house.store.streams.clear()
    assert consumer.publish(created()) is Consumption.OTHER_LIFE


def test_a_stream_of_another_name_is_not_taken_for_old(house: House, consumer: Consumer) -> None:
    consumer.publish(created())
    for quantity in (9, 8, 7):
        consumer.publish(changed(quantity))
    other = Consumer(house, "ORDERS_AND_STOCK")
    assert other.publish(changed(3)) is Consumption.APPLIED
    assert house.store.fences["b1"].place == ("ORDERS_AND_STOCK", 1, 1)
    assert consumer.publish(changed(4)) is Consumption.APPLIED, "between streams, order is the order of arrival"
    assert house.store.batches_by_reference["b1"].purchased_quantity == 4


def test_a_fence_that_does_not_name_its_stream_stands_for_the_one_that_is_consumed(house: House, consumer: Consumer) -> None:
    consumer.publish(created())
    older = consumer.message(changed(5))
    consumer.publish(changed(8))
    house.store.fences["b1"] = house.store.fences["b1"]._replace(stream="")
    assert consumer.consume(older) == [Consumption.SUPERSEDED]


def test_an_rpc_leaves_the_place_in_the_stream_where_it_was(house: House, consumer: Consumer) -> None:
    consumer.publish(created())
    older = consumer.message(changed(5))
    consumer.publish(changed(8))
    house.do(ChangeBatchQuantity("b1", 7))
    assert house.store.fences["b1"].place == (INBOUND, 1, 3)
    assert consumer.consume(older) == [Consumption.SUPERSEDED]
