"""The inbound stream forgets what was acknowledged before it is full, and nothing else."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from allocation.adapters.jetstream.api import ask
from allocation.adapters.jetstream.inbound import JetStreamInbound
from tests.integration.jetstream.examples import INBOUND, send
from tests.waiting import eventually

if TYPE_CHECKING:
    from allocation.adapters.jetstream.connection import BrokerConnection

SMALL = dataclasses.replace(INBOUND, bytes_max=1 << 20)


async def fill(connection: BrokerConnection, inbound: JetStreamInbound, messages: int) -> None:
    """Publish and acknowledge messages of 10 kB each."""
    await send(connection, "order.placed", *[b"x" * 10_000] * messages)
    for delivery in await inbound.fetch(messages):
        await delivery.ack()
    await eventually(lambda: nothing_pending(connection))


async def nothing_pending(connection: BrokerConnection) -> bool:
    info = await ask(connection, "CONSUMER.INFO.ALLOCATION_INBOUND.allocation")
    return bool(info["num_ack_pending"] == 0)


async def stored(connection: BrokerConnection) -> int:
    count: int = (await ask(connection, "STREAM.INFO.ALLOCATION_INBOUND"))["state"]["messages"]
    return count


async def test_a_stream_that_fills_up_forgets_what_was_acknowledged_and_nothing_else(connection: BrokerConnection) -> None:
    inbound = JetStreamInbound(connection, SMALL)
    await inbound.bind()
    await fill(connection, inbound, 40)
    await inbound.trim()
    assert await stored(connection) == 40, "it is not yet half full"
    await fill(connection, inbound, 30)
    await send(connection, "order.placed", b"unread")
    await inbound.trim()
    assert await stored(connection) == 1
    assert [delivery.message.payload for delivery in await inbound.fetch(10)] == [b"unread"]
    await inbound.close()


async def test_a_stream_that_others_read_too_is_not_trimmed(connection: BrokerConnection) -> None:
    inbound = JetStreamInbound(connection, SMALL)
    await inbound.bind()
    await connection.client().jetstream().pull_subscribe("order.placed", durable="auditor")
    await fill(connection, inbound, 70)
    await inbound.trim()
    assert await stored(connection) == 70
    await inbound.close()
