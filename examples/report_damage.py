"""Reports how much is left of a batch, as a warehouse would: python examples/report_damage.py BATCH QUANTITY [NATS_URL]."""

import asyncio
import sys

import nats
from stock.allocation.v1.inbound_events_pb2 import BatchQuantityChanged


async def main(batch_reference: str, quantity: str, url: str = "nats://127.0.0.1:4222") -> None:
    """Publish one message and wait until the stream has it."""
    client = await nats.connect(url)
    event = BatchQuantityChanged(batch_reference=batch_reference, quantity=int(quantity))
    await client.jetstream().publish("batch.quantity.changed", event.SerializeToString())
    await client.close()


asyncio.run(main(*sys.argv[1:]))
