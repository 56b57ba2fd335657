"""Events and messages to send in tests, and where they go."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from allocation.adapters.jetstream.configuration import EventConfiguration, InboundConfiguration
from allocation.service_layer.streams import OutboxEvent

if TYPE_CHECKING:
    from allocation.adapters.jetstream.connection import BrokerConnection

INBOUND = InboundConfiguration(("batch.created", "batch.quantity.changed", "order.placed"), bytes_max=64 << 20)
EVENTS = EventConfiguration(("allocation.allocated", "allocation.deallocated", "allocation.backordered"), bytes_max=256 << 20)


def an_event(position: int = 1, *, sku: str = "SMALL-TABLE", payload: bytes = b"\x0a\x05order") -> OutboxEvent:
    """An `Allocated` with an id of its own."""
    return OutboxEvent(
        position=position,
        event_id=str(uuid.uuid4()),
        type="stock.allocation.v1.Allocated",
        subject="allocation.allocated",
        sku=sku,
        payload=payload,
        occurred_at=datetime(2026, 3, 1, 12, 30, 0, 250, tzinfo=UTC),
        correlation_id="the-correlation",
        causation_id="the-causation",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


def some_events(count: int) -> list[OutboxEvent]:
    """So many events, in order."""
    return [an_event(position) for position in range(1, count + 1)]


def ids(events: list[OutboxEvent]) -> list[str]:
    """What the stream should hold."""
    return [event.event_id for event in events]


async def send(connection: BrokerConnection, subject: str, *payloads: bytes) -> None:
    """Publish as any other service would: one after the other, stored when this returns."""
    client = connection.client()
    for payload in payloads[:-1]:
        await client.publish(subject, payload)
    await client.jetstream().publish(subject, payloads[-1])
