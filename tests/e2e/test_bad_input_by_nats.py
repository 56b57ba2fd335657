"""What a careless or hostile publisher can send: each is set aside with its reason, and the next message is served."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import nats.errors
import pytest
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged, OrderPlaced, OrderPlacedLine

from tests.e2e import wire
from tests.e2e.publishing import assert_serves, publish, set_aside
from tests.e2e.random_refs import random_batch_reference, random_order_id, random_sku

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from nats.aio.client import Client
    from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub

    from tests.e2e.announcements import Announcements
    from tests.service_process import ServiceProcess

MALFORMED: dict[str, tuple[str, Message, str]] = {
    "zero bought": ("batch.created", BatchCreated(batch_reference="b", sku="s"), "purchased_quantity: must be"),
    "negative bought": (
        "batch.created",
        BatchCreated(batch_reference="b", sku="s", purchased_quantity=-(2**31)),
        "greater than or equal to 1, is -2147483648",
    ),
    "no reference": ("batch.created", BatchCreated(sku="s", purchased_quantity=1), "batch_reference: "),
    "no sku": ("batch.created", BatchCreated(batch_reference="b", purchased_quantity=1), "sku: "),
    "long reference": (
        "batch.created",
        BatchCreated(batch_reference="b" * 300, sku="s", purchased_quantity=1),
        "(300 characters)",
    ),
    "control character": (
        "batch.created",
        BatchCreated(batch_reference="b", sku="SMALL\x00TABLE", purchased_quantity=1),
        "sku: must have no control characters, is 'SMALL\\x00TABLE'",
    ),
    "impossible eta": (
        "batch.created",
        BatchCreated(batch_reference="b", sku="s", purchased_quantity=1, eta={"seconds": 10**15}),
        "eta: ",
    ),
    "nothing at all": ("batch.created", BatchCreated(), "purchased_quantity: "),
    "no quantity": ("batch.quantity.changed", BatchQuantityChanged(batch_reference="b"), "quantity: must be present"),
    "negative quantity": (
        "batch.quantity.changed",
        BatchQuantityChanged(batch_reference="b", quantity=-1),
        "quantity: must be greater than or equal to 0, is -1",
    ),
    "no lines": ("order.placed", OrderPlaced(order_id="o"), "lines: "),
    "bad lines": (
        "order.placed",
        OrderPlaced(order_id="o", lines=[OrderPlacedLine(sku="s"), OrderPlacedLine(quantity=1)]),
        "lines[0].quantity: ",
    ),
    "two lines of one name": (
        "order.placed",
        OrderPlaced(
            order_id="o",
            lines=[OrderPlacedLine(sku="table", quantity=1), OrderPlacedLine(line_id="table", sku="rug", quantity=1)],
        ),
        "lines[1].line_id: 'table' names 2 lines of this order",
    ),
    "too many lines": (
        "order.placed",
        OrderPlaced(order_id="o", lines=[OrderPlacedLine(line_id=f"{n}", sku="s", quantity=1) for n in range(2001)]),
        "is 2001 items",
    ),
}
UNDECODABLE = {
    "random bytes": random.Random(1).randbytes(64),  # noqa: S311 - the same garbage every time
    "no UTF-8": wire.text(1, b"\xff\xfe") + wire.text(2, "s") + wire.varint(3, 1),
    "cut in the middle": BatchCreated(batch_reference="batch", sku="SMALL-TABLE", purchased_quantity=1).SerializeToString()[:9],
    "JSON": b'{"batchReference": "batch", "sku": "SMALL-TABLE", "purchasedQuantity": 10}',
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_malformed_message_is_parked_with_its_reason(
    service: ServiceProcess, nats_client: Client, announcements: Announcements, case: str
) -> None:
    subject, message, detail = MALFORMED[case]
    payload = message.SerializeToString()
    parked = await set_aside(service, await publish(nats_client, subject, payload))
    assert (parked.subject, parked.payload, parked.reason) == (subject, payload, "malformed")
    assert detail in parked.detail
    await assert_serves(nats_client, announcements)


@pytest.mark.parametrize("case", UNDECODABLE)
async def test_bytes_that_are_no_message_are_parked(
    service: ServiceProcess, nats_client: Client, announcements: Announcements, case: str
) -> None:
    payload = UNDECODABLE[case]
    parked = await set_aside(service, await publish(nats_client, "batch.created", payload))
    assert (parked.payload, parked.reason) == (payload, "malformed")
    assert parked.detail == f"payload: {len(payload)} bytes that are no stock.allocation.v1.BatchCreated"
    await assert_serves(nats_client, announcements)


async def test_every_line_that_is_bad_is_named(service: ServiceProcess, nats_client: Client) -> None:
    order = OrderPlaced(order_id="o", lines=[OrderPlacedLine(sku=f"s{n}", quantity=-n) for n in range(3)])
    parked = await set_aside(service, await publish(nats_client, "order.placed", order.SerializeToString()))
    assert all(f"lines[{n}].quantity: " in parked.detail for n in range(3))


async def test_garbage_of_every_kind_stops_nothing(
    service: ServiceProcess, nats_client: Client, announcements: Announcements
) -> None:
    chance = random.Random(2011)  # noqa: S311 - the same garbage every time
    whole = OrderPlaced(order_id="o", lines=[OrderPlacedLine(sku="s", quantity=n) for n in range(1, 4)]).SerializeToString()
    garbage = [chance.randbytes(chance.randrange(100)) for _ in range(100)] + [whole[:length] for length in range(len(whole))]
    subjects = ("batch.created", "batch.quantity.changed", "order.placed")
    for payload in garbage:
        await nats_client.publish(chance.choice(subjects), payload)
    await assert_serves(nats_client, announcements)
    assert service.serves()


@pytest.mark.parametrize("value", [2**31, 2**32, -1], ids=["2**31", "2**32", "-1"])
async def test_a_quantity_of_more_than_32_bits_is_parked_where_it_reads_as_none(
    service: ServiceProcess, nats_client: Client, value: int
) -> None:
    payload = wire.text(1, random_batch_reference()) + wire.text(2, random_sku()) + wire.varint(3, value)
    assert (await set_aside(service, await publish(nats_client, "batch.created", payload))).reason == "malformed"


async def test_the_largest_quantity_is_a_quantity(
    stub: AllocationServiceStub, nats_client: Client, announcements: Announcements
) -> None:
    sku, batch, order_id = random_sku(), random_batch_reference(), random_order_id()
    for message in (
        BatchCreated(batch_reference=batch, sku=sku, purchased_quantity=2**31 - 1),
        OrderPlaced(order_id=order_id, lines=[OrderPlacedLine(sku=sku, quantity=2**31 - 1)]),
    ):
        subject = "batch.created" if isinstance(message, BatchCreated) else "order.placed"
        await nats_client.publish(subject, message.SerializeToString())
    await announcements.of(sku, 2)
    found = stub.GetBatch(messages.GetBatchRequest(batch_reference=batch)).batch
    assert found.allocated_quantity == found.purchased_quantity == 2**31 - 1


async def test_the_largest_order_is_placed_whole(
    stub: AllocationServiceStub, nats_client: Client, announcements: Announcements
) -> None:
    sku, order_id = random_sku("TEASPOON"), random_order_id()
    stub.CreateBatch(messages.CreateBatchRequest(batch_reference=random_batch_reference(), sku=sku, purchased_quantity=2_000))
    lines = [OrderPlacedLine(line_id=f"{n:04}", sku=sku, quantity=1) for n in range(2_000)]
    await nats_client.publish("order.placed", OrderPlaced(order_id=order_id, lines=lines).SerializeToString())
    told = await announcements.of(sku, 2_001)
    assert [one.event.sku_sequence for one in told] == list(range(1, 2_002))
    page = stub.ListLines(messages.ListLinesRequest(order_id=order_id, page_size=1_000))
    assert (len(page.lines), page.next_page_token != "") == (1_000, True)


async def test_a_payload_as_large_as_the_broker_takes_is_answered(
    service: ServiceProcess, nats_client: Client, announcements: Announcements
) -> None:
    largest = b"\x00" * nats_client.max_payload
    assert (await set_aside(service, await publish(nats_client, "order.placed", largest))).payload == largest
    with pytest.raises(nats.errors.MaxPayloadError):
        await nats_client.publish("order.placed", largest + b"\x00")
    await assert_serves(nats_client, announcements)
