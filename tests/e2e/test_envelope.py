"""The envelope of outgoing events: CloudEvents in NATS headers, and where correlation and trace come from."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1 import inbound_events_pb2

from tests.e2e.random_refs import random_batch_reference, random_order_id, random_sku

if TYPE_CHECKING:
    from nats.aio.client import Client
    from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub

    from tests.e2e.announcements import Announcements

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_every_event_is_a_cloud_event(stub: AllocationServiceStub, announcements: Announcements) -> None:
    sku, began_at = random_sku("KLEINER TISCH Größe 50%"), datetime.now(UTC)
    stub.CreateBatch(messages.CreateBatchRequest(batch_reference=random_batch_reference(), sku=sku, purchased_quantity=10))
    stub.Allocate(messages.AllocateRequest(order_id=random_order_id(), sku=sku, quantity=1))
    told = await announcements.of(sku, 2)
    for one in told:
        headers = dict(one.headers)
        happened_at = datetime.fromisoformat(headers.pop("ce-time"))
        assert timedelta(seconds=-1) <= happened_at - began_at < timedelta(minutes=5)
        assert uuid.UUID(headers["ce-id"]).version == 7
        assert headers.pop("Nats-Msg-Id") == headers.pop("ce-id")
        assert headers.pop("ce-correlationid") == headers.pop("ce-causationid")
        assert {name: value for name, value in headers.items() if not name.startswith("Nats-")} == {
            "ce-specversion": "1.0",
            "ce-source": "/stock/allocation",
            "ce-type": f"stock.allocation.v1.{one.name}",
            "ce-subject": quote(sku),
            "ce-datacontenttype": "application/protobuf",
        }
    assert "%C3%B6" in told[0].headers["ce-subject"]
    assert len({one.headers["ce-id"] for one in told}) == len(told)


async def test_the_correlation_and_the_trace_of_a_call_are_carried_on(
    stub: AllocationServiceStub, announcements: Announcements
) -> None:
    sku, reference = random_sku(), random_batch_reference()
    stub.CreateBatch(messages.CreateBatchRequest(batch_reference=reference, sku=sku, purchased_quantity=10))
    line = stub.Allocate(
        messages.AllocateRequest(order_id=random_order_id(), sku=sku, quantity=10),
        metadata=(("x-correlation-id", "checkout 42"), ("traceparent", TRACEPARENT)),
    ).line
    answer = stub.ChangeBatchQuantity(
        messages.ChangeBatchQuantityRequest(batch_reference=reference, quantity=5),
        metadata=(("x-correlation-id", "stocktaking"),),
    )
    _, allocated, *after_change = await announcements.of(sku, 5)
    assert allocated.headers["ce-correlationid"] == "checkout%2042"
    assert allocated.headers["traceparent"] == TRACEPARENT
    assert allocated.event.sku_sequence == line.sku_sequence
    assert answer.correlation_id == "stocktaking"
    assert {one.headers["ce-correlationid"] for one in after_change} == {"stocktaking"}
    assert len({one.headers["ce-causationid"] for one in after_change}) == 1
    assert not any("traceparent" in one.headers for one in after_change)


async def test_without_a_correlation_the_answer_tells_the_one_that_was_made_up(
    stub: AllocationServiceStub, announcements: Announcements
) -> None:
    sku, reference = random_sku(), random_batch_reference()
    stub.CreateBatch(messages.CreateBatchRequest(batch_reference=reference, sku=sku, purchased_quantity=10))
    change = messages.ChangeBatchQuantityRequest(batch_reference=reference, quantity=5)
    answer = stub.ChangeBatchQuantity(change, metadata=(("x-correlation-id", "x" * 129),))
    _, changed = await announcements.of(sku, 2)
    assert changed.headers["ce-correlationid"] == answer.correlation_id
    assert uuid.UUID(answer.correlation_id).version == 7


async def test_the_ids_of_an_inbound_message_are_carried_on(nats_client: Client, announcements: Announcements) -> None:
    sku = random_sku()
    created = inbound_events_pb2.BatchCreated(batch_reference=random_batch_reference(), sku=sku, purchased_quantity=1)
    headers = {
        "Ce-Id": "delivery note 7",
        "ce-source": "/purchasing",
        "ce-type": "stock.allocation.v1.BatchCreated",
        "ce-correlationid": "shipment-1",
        "traceparent": TRACEPARENT,
    }
    await nats_client.publish("batch.created", created.SerializeToString(), headers=headers)
    (changed,) = await announcements.of(sku, 1)
    assert changed.headers["ce-correlationid"] == "shipment-1"
    assert changed.headers["ce-causationid"] == "delivery%20note%207"
    assert changed.headers["traceparent"] == TRACEPARENT


async def test_an_inbound_message_without_a_correlation_begins_one(nats_client: Client, announcements: Announcements) -> None:
    with_id, bare = random_sku(), random_sku()
    created = inbound_events_pb2.BatchCreated(batch_reference=random_batch_reference(), sku=with_id, purchased_quantity=1)
    identity = f"id-{with_id}"
    await nats_client.publish("batch.created", created.SerializeToString(), headers={"ce-id": identity})
    (changed,) = await announcements.of(with_id, 1)
    assert (changed.headers["ce-correlationid"], changed.headers["ce-causationid"]) == (identity, identity)

    created = inbound_events_pb2.BatchCreated(batch_reference=random_batch_reference(), sku=bare, purchased_quantity=1)
    place = await nats_client.jetstream().publish("batch.created", created.SerializeToString())
    (changed,) = await announcements.of(bare, 1)
    assert uuid.UUID(changed.headers["ce-correlationid"]).version == 7
    assert changed.headers["ce-causationid"] == f"ALLOCATION_INBOUND/1/{place.seq}"


async def test_a_trace_that_is_none_is_not_carried_on(
    stub: AllocationServiceStub, nats_client: Client, announcements: Announcements
) -> None:
    sku, no_trace = random_sku(), "x" * 8_000
    created = inbound_events_pb2.BatchCreated(batch_reference=random_batch_reference(), sku=sku, purchased_quantity=1)
    await nats_client.publish("batch.created", created.SerializeToString(), headers={"traceparent": no_trace})
    request = messages.CreateBatchRequest(batch_reference=random_batch_reference(), sku=sku, purchased_quantity=1)
    stub.CreateBatch(request, metadata=(("traceparent", no_trace),))
    told = await announcements.of(sku, 2)
    assert not any("traceparent" in one.headers for one in told)
