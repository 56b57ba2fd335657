"""Prints every line that is allocated, from the first event on; started again, it goes on where it stopped."""

import asyncio
import sys
from contextlib import suppress

import nats
from stock.allocation.v1.events_pb2 import Allocated


async def main(url: str = "nats://127.0.0.1:4222") -> None:
    """Follow `allocation.allocated` with a durable consumer, and ack after the work is done."""
    client = await nats.connect(url)
    subscription = await client.jetstream().pull_subscribe("allocation.allocated", durable="first-consumer")
    while True:
        with suppress(TimeoutError):  # nothing new for ten seconds
            for message in await subscription.fetch(100, timeout=10):
                line = Allocated.FromString(message.data)
                print(f"{line.order_id}: {line.quantity} x {line.sku} from {line.batch_reference}", flush=True)
                await message.ack()


with suppress(KeyboardInterrupt):  # Ctrl-C ends it
    asyncio.run(main(*sys.argv[1:]))
