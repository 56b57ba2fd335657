"""What a publisher of inbound events does, and what becomes of its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stock.allocation.v1.inbound_events_pb2 import BatchCreated

from tests.e2e.parked import Parked, parked_message
from tests.e2e.random_refs import random_batch_reference, random_sku
from tests.waiting import eventually

if TYPE_CHECKING:
    from nats.aio.client import Client

    from tests.e2e.announcements import Announcements
    from tests.service_process import ServiceProcess


async def publish(nats_client: Client, subject: str, payload: bytes, headers: dict[str, str] | None = None) -> int:
    """Publish, and answer the place in the inbound stream."""
    return (await nats_client.jetstream().publish(subject, payload, headers=headers)).seq


async def set_aside(service: ServiceProcess, sequence: int) -> Parked:
    """Wait until the message of this place is parked."""
    parked = await eventually(lambda: parked_message(service.database, sequence))
    assert parked is not None
    return parked


async def assert_serves(nats_client: Client, announcements: Announcements) -> None:
    """Have a good message served."""
    sku = random_sku("GOOD-TABLE")
    created = BatchCreated(batch_reference=random_batch_reference(), sku=sku, purchased_quantity=1)
    await nats_client.publish("batch.created", created.SerializeToString())
    (told,) = await announcements.of(sku, 1)
    assert told.name == "StockChanged"
