"""Publishes a great many messages, hundreds of them in flight at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import nats
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged, OrderPlaced, OrderPlacedLine

from tests.faults.ledger import Published

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from google.protobuf.message import Message
    from nats.js import JetStreamContext

    from tests.faults.ledger import Ledger

_IN_FLIGHT_MAX = 512
_SKUS = [f"CHAIR-{number}" for number in range(20)]
_BATCHES = 10 * len(_SKUS)
_ACKNOWLEDGED_SECONDS = 30.0
# Enough stock for most of the orders, so that some wait at the end.
_QUANTITY_PER_ORDER = 2


async def publish_fast(url: str, ledger: Ledger, size: int, chance: random.Random) -> None:
    """Publish `size` messages in their order: batches, then orders, and now and then that a batch holds something else."""
    client = await nats.connect(url, pending_size=32 << 20)
    jetstream = client.jetstream()
    room = asyncio.Semaphore(_IN_FLIGHT_MAX)
    async with asyncio.TaskGroup() as tasks:
        for number, (subject, message) in enumerate(_messages(size, chance)):
            headers = {"ce-source": "/tests/backlog", "ce-id": str(number)} if number % 2 else {}
            await room.acquire()
            tasks.create_task(_publish(jetstream, Published(subject, message, headers, 0), ledger, room))
    await client.close()


async def _publish(jetstream: JetStreamContext, wanted: Published, ledger: Ledger, room: asyncio.Semaphore) -> None:
    subject, message, headers = wanted.subject, wanted.message, wanted.headers
    acknowledged = await jetstream.publish(subject, message.SerializeToString(), headers=headers, timeout=_ACKNOWLEDGED_SECONDS)
    ledger.published.append(Published(subject, message, headers, acknowledged.seq))
    room.release()


def _messages(size: int, chance: random.Random) -> Iterator[tuple[str, Message]]:
    holds = max(1, _QUANTITY_PER_ORDER * size // _BATCHES)
    references = [f"backlog-{number}" for number in range(_BATCHES)]
    for number, reference in enumerate(references):
        yield (
            "batch.created",
            BatchCreated(batch_reference=reference, sku=_SKUS[number % len(_SKUS)], purchased_quantity=holds),
        )
    for number in range(size - _BATCHES):
        if number % 50 == 0:
            quantity = chance.randint(holds // 2, holds + holds // 2)
            changed = BatchQuantityChanged(batch_reference=chance.choice(references), quantity=quantity)
            yield "batch.quantity.changed", changed
        else:
            lines = [OrderPlacedLine(sku=chance.choice(_SKUS), quantity=chance.randint(1, 3))]
            yield "order.placed", OrderPlaced(order_id=f"backlog-{number}", lines=lines)
