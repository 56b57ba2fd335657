"""The story of the book's chapter 11: events come in from other services, and go out to them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1 import events_pb2, inbound_events_pb2, line_pb2

from tests.e2e.random_refs import random_batch_reference, random_order_id, random_sku

if TYPE_CHECKING:
    from nats.aio.client import Client
    from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub

    from tests.e2e.announcements import Announcements


def day(text: str) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(datetime.fromisoformat(text).replace(tzinfo=UTC))
    return timestamp


def post_to_add_batch(
    stub: AllocationServiceStub, reference: str, sku: str, quantity: int, eta: Timestamp | None = None
) -> None:
    stub.CreateBatch(messages.CreateBatchRequest(batch_reference=reference, sku=sku, purchased_quantity=quantity, eta=eta))


async def test_change_batch_quantity_leading_to_reallocation(
    stub: AllocationServiceStub, nats_client: Client, announcements: Announcements
) -> None:
    # start with two batches and an order allocated to one of them
    order_id, sku = random_order_id(), random_sku()
    earlier_batch, later_batch = random_batch_reference("old"), random_batch_reference("newer")
    post_to_add_batch(stub, earlier_batch, sku, 10, day("2011-01-01"))
    post_to_add_batch(stub, later_batch, sku, 10, day("2011-01-02"))
    answer = stub.Allocate(messages.AllocateRequest(order_id=order_id, sku=sku, quantity=10))
    assert answer.line.batch_reference == earlier_batch

    # change quantity on allocated batch so it's less than our order
    changed = inbound_events_pb2.BatchQuantityChanged(batch_reference=earlier_batch, quantity=5)
    await nats_client.publish("batch.quantity.changed", changed.SerializeToString())

    # wait until we see a message saying the order has been reallocated
    told = await announcements.of(sku, 6)
    assert [one.subject for one in told] == [
        "allocation.stock_changed",
        "allocation.stock_changed",
        "allocation.allocated",
        "allocation.deallocated",
        "allocation.stock_changed",
        "allocation.allocated",
    ]
    assert [one.event.sku_sequence for one in told] == [1, 2, 3, 4, 5, 6]
    deallocated, stock_changed, allocated = (one.event for one in told[3:])
    assert deallocated == events_pb2.Deallocated(
        order_id=order_id,
        line_id=sku,
        sku=sku,
        quantity=10,
        batch_reference=earlier_batch,
        reason=events_pb2.DEALLOCATION_REASON_BATCH_SHRANK,
        sku_sequence=4,
    )
    assert stock_changed == events_pb2.StockChanged(
        batch_reference=earlier_batch, sku=sku, purchased_quantity=5, eta=day("2011-01-01"), sku_sequence=5
    )
    assert allocated == events_pb2.Allocated(
        order_id=order_id,
        line_id=sku,
        sku=sku,
        quantity=10,
        batch_reference=later_batch,
        eta=day("2011-01-02"),
        sku_sequence=6,
    )


async def test_an_order_can_be_placed_by_an_event(
    stub: AllocationServiceStub, nats_client: Client, announcements: Announcements
) -> None:
    order_id, table, rug = random_order_id(), random_sku(), random_sku("MISBEGOTTEN-RUG")
    batch = random_batch_reference()
    post_to_add_batch(stub, batch, table, 20)
    order = inbound_events_pb2.OrderPlaced(
        order_id=order_id,
        lines=[
            inbound_events_pb2.OrderPlacedLine(sku=table, quantity=2),
            inbound_events_pb2.OrderPlacedLine(line_id="second", sku=table, quantity=3),
            inbound_events_pb2.OrderPlacedLine(sku=rug, quantity=1),
        ],
    )
    await nats_client.publish("order.placed", order.SerializeToString())
    allocated = (await announcements.of(table, 3))[1:]
    assert [(one.event.line_id, one.event.quantity, one.event.batch_reference) for one in allocated] == [
        (table, 2, batch),
        ("second", 3, batch),
    ]
    (backordered,) = await announcements.of(rug, 1)
    assert backordered.subject == "allocation.backordered"
    lines = stub.ListLines(messages.ListLinesRequest(order_id=order_id)).lines
    assert {line.line_id: line.state for line in lines} == {
        table: line_pb2.LINE_STATE_ALLOCATED,
        "second": line_pb2.LINE_STATE_ALLOCATED,
        rug: line_pb2.LINE_STATE_BACKORDERED,
    }


async def test_a_conflicting_line_of_an_order_is_announced_as_rejected_and_the_good_ones_stand(
    stub: AllocationServiceStub, nats_client: Client, announcements: Announcements
) -> None:
    order_id, sku, batch = random_order_id(), random_sku(), random_batch_reference()
    post_to_add_batch(stub, batch, sku, 20)
    stub.Allocate(messages.AllocateRequest(order_id=order_id, line_id="1", sku=sku, quantity=10))
    order = inbound_events_pb2.OrderPlaced(
        order_id=order_id,
        lines=[
            inbound_events_pb2.OrderPlacedLine(line_id="1", sku=sku, quantity=7),
            inbound_events_pb2.OrderPlacedLine(line_id="2", sku=sku, quantity=3),
        ],
    )
    place = await nats_client.jetstream().publish("order.placed", order.SerializeToString())
    *_, rejected, allocated = await announcements.of(sku, 4)
    assert rejected.subject == "allocation.rejected"
    assert rejected.event == events_pb2.Rejected(
        message_type="stock.allocation.v1.OrderPlaced",
        message_source="ALLOCATION_INBOUND/1",
        message_id=str(place.seq),
        reason="REJECTION_REASON_LINE_CONFLICT",
        detail=rejected.event.detail,
        sku=sku,
        order_id=order_id,
        line_id="1",
        quantity=7,
    )
    assert "quantity 10; asked were" in rejected.event.detail
    assert (allocated.subject, allocated.event.line_id) == ("allocation.allocated", "2")
    assert [line.quantity for line in stub.ListLines(messages.ListLinesRequest(order_id=order_id)).lines] == [10, 3]


async def test_a_batch_created_by_an_event_is_promised_to_backordered_lines(
    nats_client: Client, announcements: Announcements
) -> None:
    order_id, sku, batch = random_order_id(), random_sku("RETRO-CLOCK"), random_batch_reference()
    order = inbound_events_pb2.OrderPlaced(order_id=order_id, lines=[inbound_events_pb2.OrderPlacedLine(sku=sku, quantity=4)])
    await nats_client.publish("order.placed", order.SerializeToString())
    created = inbound_events_pb2.BatchCreated(batch_reference=batch, sku=sku, purchased_quantity=10)
    await nats_client.publish("batch.created", created.SerializeToString())
    told = await announcements.of(sku, 3)
    assert [one.name for one in told] == ["Backordered", "StockChanged", "Allocated"]
    assert (told[2].event.order_id, told[2].event.batch_reference) == (order_id, batch)


async def test_a_batch_created_twice_with_other_content_is_announced_as_rejected(
    stub: AllocationServiceStub, nats_client: Client, announcements: Announcements
) -> None:
    sku, batch = random_sku(), random_batch_reference()
    post_to_add_batch(stub, batch, sku, 10)
    created = inbound_events_pb2.BatchCreated(batch_reference=batch, sku=sku, purchased_quantity=11)
    await nats_client.publish("batch.created", created.SerializeToString())
    _, rejected = await announcements.of(sku, 2)
    assert (rejected.subject, rejected.event.batch_reference, rejected.event.quantity) == ("allocation.rejected", batch, 11)
    assert stub.GetBatch(messages.GetBatchRequest(batch_reference=batch)).batch.purchased_quantity == 10
