"""Reports how much is left of a batch, as a warehouse would: python examples/report_damage.py BATCH QUANTITY [NATS_URL]."""

import asyncio
import sys

import nats
from stock.allocation.v1.inbound_events_pb2 import BatchQuantityChanged

QUANTITY_MAX = 2**31 - 1


async def main(batch_reference: str, quantity: int, url: str = "nats://127.0.0.1:4222") -> None:
    """Publish one message and wait until the stream has it."""
    client = await nats.connect(url)
    event = BatchQuantityChanged(batch_reference=batch_reference, quantity=quantity)
    await client.jetstream().publish("batch.quantity.changed", event.SerializeToString())
    await client.close()


def quantity_of(text: str) -> int:
    """Read a quantity; what is none ends the program, before anything is published."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(QUANTITY_MAX)) and int(text) <= QUANTITY_MAX):
        sys.exit(f"QUANTITY is a whole number from 0 to {QUANTITY_MAX}, this one is {text!r}")
    return int(text)


match sys.argv[1:]:
    case [batch, left, *url] if len(url) <= 1:
        asyncio.run(main(batch, quantity_of(left), *url))
    case _:
        sys.exit(__doc__)
