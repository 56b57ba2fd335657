"""A publisher that goes by its own clock: `python -m tests.faults.cluster.skewed_publisher NATS_URL SEED`.

It publishes until a line comes in, and prints what the broker acknowledged, a JSON object a line: subject, payload in
hexadecimal, headers and sequence. Meant to be started with a clock that jumps.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import nats
import uuid_utils
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from nats.aio.client import Client

MESSAGES: dict[str, type[Message]] = {"batch.created": BatchCreated, "batch.quantity.changed": BatchQuantityChanged}
_BATCHES = 5
_PAUSE_SECONDS = 0.02


async def main(url: str, seed: str) -> None:
    """Create some batches and change what they hold until told to end."""
    chance = random.Random(f"{seed} skewed")  # noqa: S311 - varies the load, keeps no secret
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    client = await nats.connect(url)
    number = 0
    while not ended.done():
        reference = f"skewed-{number % _BATCHES}"
        quantity = chance.randint(0, 40)
        if number < _BATCHES:
            created = BatchCreated(batch_reference=reference, sku="UNLIKELY-LAMP", purchased_quantity=quantity)
            await _publish(client, "batch.created", created)
        else:
            changed = BatchQuantityChanged(batch_reference=reference, quantity=quantity)
            await _publish(client, "batch.quantity.changed", changed)
        number += 1
        await asyncio.sleep(_PAUSE_SECONDS)
    await client.close()


async def _publish(client: Client, subject: str, message: Message) -> None:
    headers = {
        "ce-source": "/tests/skewed",
        "ce-id": str(uuid_utils.uuid7()),
        "ce-time": datetime.now(UTC).isoformat(),
    }
    acknowledged = await client.jetstream().publish(subject, message.SerializeToString(), headers=headers)
    payload = message.SerializeToString().hex()
    said = {"subject": subject, "payload": payload, "headers": headers, "sequence": acknowledged.seq}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
