"""Messages that are well-formed and cannot be asked, now or ever: of a wrong type, of a known identity, of an unknown batch."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import nats
import pytest
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged, OrderPlaced, OrderPlacedLine

from tests.e2e.announcements import listening
from tests.e2e.parked import parked_message
from tests.e2e.publishing import assert_serves, publish, set_aside
from tests.e2e.random_refs import random_batch_reference, random_order_id, random_sku
from tests.service_process import ServiceProcess
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from nats.aio.client import Client
    from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub

    from tests.e2e.announcements import Announcements


async def test_a_type_that_belongs_to_another_subject_is_parked(
    service: ServiceProcess, nats_client: Client, announcements: Announcements
) -> None:
    payload = BatchCreated(batch_reference=random_batch_reference(), sku="s", purchased_quantity=1).SerializeToString()
    sequence = await publish(nats_client, "batch.created", payload, {"ce-type": "stock.allocation.v1.OrderPlaced"})
    parked = await set_aside(service, sequence)
    assert parked.reason == "wrong_type"
    assert "'stock.allocation.v1.OrderPlaced' on a subject that carries stock.allocation.v1.BatchCreated" in parked.detail
    await assert_serves(nats_client, announcements)


async def test_a_known_identity_with_another_payload_is_parked_and_with_the_same_one_skipped(
    service: ServiceProcess, stub: AllocationServiceStub, nats_client: Client, announcements: Announcements
) -> None:
    sku, batch = random_sku(), random_batch_reference()
    identity = {"ce-source": "/purchasing", "ce-id": f"note-{batch}"}
    created = BatchCreated(batch_reference=batch, sku=sku, purchased_quantity=10).SerializeToString()
    first = await publish(nats_client, "batch.created", created, identity)
    again = await publish(nats_client, "batch.created", created, identity)
    other = BatchCreated(batch_reference=f"{batch}-2", sku=sku, purchased_quantity=10).SerializeToString()
    parked = await set_aside(service, await publish(nats_client, "batch.created", other, identity))
    assert parked.reason == "identity_reused"
    assert f"'note-{batch}' came before with another payload" in parked.detail
    assert parked_message(service.database, first) is parked_message(service.database, again) is None
    assert len(stub.ListBatches(messages.ListBatchesRequest(sku=sku)).batches) == 1
    await assert_serves(nats_client, announcements)


@pytest.mark.parametrize("name", ["ce-id", "ce-source", "ce-correlationid"])
async def test_an_overlong_header_is_parked(
    service: ServiceProcess, nats_client: Client, announcements: Announcements, name: str
) -> None:
    payload = BatchCreated(batch_reference=random_batch_reference(), sku="s", purchased_quantity=1).SerializeToString()
    parked = await set_aside(service, await publish(nats_client, "batch.created", payload, {name: "x" * 257}))
    assert (parked.reason, parked.detail.partition(":")[0]) == ("malformed", name)
    await assert_serves(nats_client, announcements)


async def test_nearly_ten_thousand_messages_that_wait_for_their_batches_keep_no_other_waiting(tmp_path: Path) -> None:
    early = BatchQuantityChanged(batch_reference="nobody-created-this", quantity=7).SerializeToString()
    with ServiceProcess(tmp_path, settings={"unknown_wait_seconds": 300, "deliveries_max": 1_000}) as service:
        service.start()
        async with listening(service.nats_url) as announcements:
            client = await nats.connect(service.nats_url, allow_reconnect=False)
            for _ in range(19):
                await asyncio.gather(*(publish(client, "batch.quantity.changed", early) for _ in range(500)))
            await assert_serves(client, announcements)
            waiting = await client.jetstream().consumer_info("ALLOCATION_INBOUND", "allocation")
            assert (waiting.num_ack_pending or 0) > 9_000
            await client.close()


async def test_a_quantity_that_comes_before_its_batch_is_applied_once_the_batch_is_there(tmp_path: Path) -> None:
    sku, batch = random_sku(), random_batch_reference()
    early = BatchQuantityChanged(batch_reference=batch, quantity=7).SerializeToString()
    # One that waits for a minute: on a busy machine a second is over before the batch is created.
    with ServiceProcess(tmp_path, settings={"unknown_wait_seconds": 60}) as patient:
        patient.start()
        async with listening(patient.nats_url) as announcements:
            client = await nats.connect(patient.nats_url, allow_reconnect=False)

            async def was_asked_for_again() -> bool:
                return bool((await client.jetstream().consumer_info("ALLOCATION_INBOUND", "allocation")).num_redelivered)

            await publish(client, "batch.quantity.changed", early)
            await eventually(was_asked_for_again)
            await client.close()
            with patient.stub() as stub:
                stub.CreateBatch(messages.CreateBatchRequest(batch_reference=batch, sku=sku, purchased_quantity=10))
            told = await announcements.of(sku, 2)
    assert [one.event.purchased_quantity for one in told] == [10, 7]


async def test_a_quantity_whose_batch_never_comes_is_parked_and_nothing_waits_behind_it(
    service: ServiceProcess, nats_client: Client, announcements: Announcements
) -> None:
    batch = random_batch_reference("nonexistent")
    unknown = BatchQuantityChanged(batch_reference=batch, quantity=7).SerializeToString()
    sequence = await publish(nats_client, "batch.quantity.changed", unknown)
    await assert_serves(nats_client, announcements)
    parked = await set_aside(service, sequence)
    assert (parked.reason, parked.payload) == ("unknown_batch", unknown)
    assert parked.detail.startswith("its batch is unknown after 1 seconds")


async def test_an_order_of_an_unknown_sku_waits_for_its_first_batch(nats_client: Client, announcements: Announcements) -> None:
    sku = random_sku("NOT-YET-INVENTED")
    order = OrderPlaced(order_id=random_order_id(), lines=[OrderPlacedLine(sku=sku, quantity=1)])
    await nats_client.publish("order.placed", order.SerializeToString())
    (told,) = await announcements.of(sku, 1)
    assert told.name == "Backordered"
