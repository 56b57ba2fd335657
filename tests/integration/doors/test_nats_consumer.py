"""The NATS door: when a message is acknowledged, asked for again, held, or set aside."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged, OrderPlaced, OrderPlacedLine
from structlog.testing import capture_logs

from allocation.domain import commands
from allocation.service_layer.housekeeping import DiscardParked
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError
from allocation.service_layer.streams import BrokerUnavailableError, InboundMessage, StreamMismatchError
from tests.integration.doors.brokers import INBOUND
from tests.integration.doors.consuming import running_consumer
from tests.integration.doors.parts import CURSED
from tests.unit.house import asked
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.integration.doors.consuming import Consuming


def created(reference: str, sku: str = "SMALL-TABLE", quantity: int = 10) -> BatchCreated:
    return BatchCreated(batch_reference=reference, sku=sku, purchased_quantity=quantity)


def placed(order_id: str, sku: str = "SMALL-TABLE") -> OrderPlaced:
    return OrderPlaced(order_id=order_id, lines=[OrderPlacedLine(sku=sku, quantity=1)])


async def test_a_message_is_acknowledged_after_its_commit_and_not_before(consuming: Consuming) -> None:
    consuming.store.open.clear()
    begun = consuming.store.begun
    consuming.inbound.publish(created("batch"), placed("order"))
    await eventually(lambda: consuming.store.begun > begun)
    assert not consuming.inbound.answers
    consuming.store.open.set()
    await consuming.answered(1, "ack")
    await consuming.answered(2, "ack")
    assert consuming.store.batches_by_reference["batch"].allocated_quantity == 1


async def test_what_is_fetched_together_is_carried_out_together_in_its_order(consuming: Consuming) -> None:
    consuming.inbound.publish(created("batch"), BatchQuantityChanged(batch_reference="batch", quantity=3), placed("order"))
    await consuming.answered(3, "ack")
    carried_out = [name for group in consuming.carried_out() for name in group]
    assert carried_out == ["CreateBatch", "ChangeBatchQuantity", "PlaceOrder"]
    assert consuming.store.batches_by_reference["batch"].purchased_quantity == 3


async def test_messages_are_held_while_the_store_is_away_and_served_when_it_returns(consuming: Consuming) -> None:
    consuming.store.troubles.extend([StoreUnavailableError("away")] * 2)
    sequence = consuming.inbound.publish(created("batch"))
    await consuming.answered(sequence, "keep", "keep", "ack")
    assert "batch" in consuming.store.batches_by_reference


async def test_messages_that_are_held_when_it_stops_are_left_to_a_redelivery(consuming: Consuming) -> None:
    consuming.store.troubles.extend([StoreUnavailableError("away")] * 100)
    sequence = consuming.inbound.publish(created("batch"))
    await consuming.answered(sequence, "keep")
    consuming.consumer.stop()
    await asyncio.wait_for(consuming.task, 10)
    assert set(consuming.inbound.answers[sequence]) == {"keep"}


async def test_a_message_whose_outcome_is_unknown_is_asked_for_again_and_takes_effect_once(consuming: Consuming) -> None:
    consuming.store.troubles.append(OutcomeUnknownError("connection lost"))
    sequence = consuming.inbound.publish(created("batch"))
    await consuming.answered(sequence, "retry", "ack")
    assert [event.type for event in consuming.store.log] == ["stock.allocation.v1.StockChanged"]


async def test_a_message_that_crashes_is_asked_for_again_alone_from_its_third_delivery_and_then_parked(
    consuming: Consuming,
) -> None:
    consuming.inbound.redelivers = False
    cursed = consuming.inbound.publish(created("crash", sku=CURSED))
    for delivery in range(2, 7):
        await consuming.answered(cursed, *["retry"] * (delivery - 1))
        # Its companions are served whatever becomes of it.
        await consuming.answered(consuming.inbound.publish(created(f"bystander-{delivery}")), "ack")
        consuming.inbound.redeliver()
    await consuming.answered(cursed, *["retry"] * 5, "terminate too_many_deliveries")
    (parked,) = consuming.store.parked.values()
    assert (parked.reason.value, parked.detail, parked.deliveries) == (
        "too_many_deliveries",
        "delivered 6 times, the limit is 5",
        6,
    )
    assert "crash" not in consuming.store.batches_by_reference


@pytest.mark.parametrize(("deliveries", "together"), [(2, True), (3, False), (5, False)])
async def test_from_its_third_delivery_a_message_is_carried_out_alone(
    consuming: Consuming, deliveries: int, *, together: bool
) -> None:
    sequence = consuming.inbound.publish(placed("first"), placed("second"), deliveries=deliveries)
    await consuming.answered(sequence, "ack")
    orders = [group for group in consuming.carried_out() if "PlaceOrder" in group]
    assert orders == ([["PlaceOrder", "PlaceOrder"]] if together else [["PlaceOrder"], ["PlaceOrder"]])


async def test_a_message_that_was_delivered_too_often_is_parked_without_being_carried_out(consuming: Consuming) -> None:
    sequence = consuming.inbound.publish(created("batch"), deliveries=6)
    await consuming.answered(sequence, "terminate too_many_deliveries")
    assert not any(isinstance(command, commands.CreateBatch) for command in consuming.parts.commands())
    (parked,) = consuming.store.parked.values()
    assert parked.payload == created("batch").SerializeToString()


async def test_a_message_that_cannot_be_read_is_parked_before_the_broker_is_told(consuming: Consuming) -> None:
    consuming.store.open.clear()
    begun = consuming.store.begun
    sequence = consuming.inbound.publish(b"\xff")
    await eventually(lambda: consuming.store.begun > begun)
    assert not consuming.inbound.answers
    consuming.store.open.set()
    await consuming.answered(sequence, "terminate malformed")
    assert [parked.payload for parked in consuming.store.parked.values()] == [b"\xff"]


async def test_a_parked_message_that_comes_again_is_terminated_and_warned_of_no_more(consuming: Consuming) -> None:
    def deliver_again() -> None:
        stored_at = consuming.inbound.stored[sequence]
        consuming.inbound.again.append(InboundMessage(INBOUND, sequence, 2, "order.placed", {}, b"\xff", stored_at))
        consuming.inbound.redeliver()

    answer = "terminate malformed"
    with capture_logs() as logged:
        sequence = consuming.inbound.publish(b"\xff")
        await consuming.answered(sequence, answer)
        deliver_again()
        await consuming.answered(sequence, answer, answer)
        discarding = asked(DiscardParked(tuple(consuming.store.parked), "sent by a test"))
        assert await (await consuming.parts.group_commit.enqueue(discarding)) == 1
        deliver_again()
        await consuming.answered(sequence, answer, answer, answer)
    told = [(line["log_level"], line["event"]) for line in logged if line.get("sequence") == sequence]
    assert told == [
        ("warning", "message parked"),
        ("info", "message is parked already"),
        ("info", "message was parked before, and has ended"),
    ]


async def test_an_early_quantity_is_asked_for_again_until_its_batch_is_there(consuming: Consuming) -> None:
    consuming.inbound.redelivers = False
    early = consuming.inbound.publish(BatchQuantityChanged(batch_reference="batch", quantity=3))
    await consuming.answered(early, "retry")
    await consuming.answered(consuming.inbound.publish(created("batch")), "ack")
    consuming.inbound.redeliver()
    await consuming.answered(early, "retry", "ack")
    assert consuming.store.batches_by_reference["batch"].purchased_quantity == 3


async def test_quantities_that_wait_for_their_batches_share_a_transaction_however_often_they_come(
    consuming: Consuming,
) -> None:
    consuming.inbound.redelivers = False
    last = consuming.inbound.publish(*(BatchQuantityChanged(batch_reference=name, quantity=3) for name in ("one", "two")))
    for times in range(1, 5):
        await consuming.answered(last, *["retry"] * times)
        consuming.inbound.redeliver()
    assert {tuple(group) for group in consuming.carried_out()} == {("ChangeBatchQuantity", "ChangeBatchQuantity")}


async def test_a_quantity_whose_batch_never_comes_is_parked() -> None:
    async with running_consumer(unknown_wait_seconds=1e-9) as consuming:
        sequence = consuming.inbound.publish(BatchQuantityChanged(batch_reference="nonexistent", quantity=3))
        await eventually(lambda: consuming.inbound.answers[sequence][-1:] == ["terminate unknown_batch"])
        assert [parked.reason.value for parked in consuming.store.parked.values()] == ["unknown_batch"]


async def test_a_stream_that_counts_from_lower_again_is_bound_again_and_none_of_its_messages_is_lost(
    consuming: Consuming,
) -> None:
    await consuming.answered(consuming.inbound.publish(created("first"), created("second")), "ack")
    consuming.inbound.recreate()
    sequence = consuming.inbound.publish(created("third"))
    await consuming.answered(sequence, "retry", "ack")
    assert consuming.inbound.binds == 2
    assert consuming.store.streams[INBOUND].incarnation == 2
    assert sorted(consuming.store.batches_by_reference) == ["first", "second", "third"]


@pytest.mark.parametrize("trouble", [BrokerUnavailableError("away"), StreamMismatchError("other settings")])
async def test_a_broker_that_was_away_is_bound_again(consuming: Consuming, trouble: Exception) -> None:
    binds = consuming.inbound.binds
    consuming.inbound.away = trouble
    consuming.inbound.wake()
    await eventually(lambda: consuming.inbound.binds >= binds + 2)
    consuming.inbound.away = None
    await consuming.answered(consuming.inbound.publish(created("batch")), "ack")


async def test_what_was_fetched_is_answered_before_it_stops(consuming: Consuming) -> None:
    consuming.store.open.clear()
    begun = consuming.store.begun
    consuming.inbound.publish(created("batch"))
    await eventually(lambda: consuming.store.begun > begun)
    consuming.consumer.stop()
    consuming.inbound.publish(created("too late"))
    consuming.store.open.set()
    await asyncio.wait_for(consuming.task, 10)
    assert dict(consuming.inbound.answers) == {1: ["ack"]}


async def test_no_more_is_fetched_than_it_was_told() -> None:
    async with running_consumer(fetch_messages_max=2) as consuming:
        sequence = consuming.inbound.publish(*(created(f"batch-{number}") for number in range(5)))
        await consuming.answered(sequence, "ack")
        assert max(map(len, consuming.carried_out())) <= 2
