"""Up to where everything was acknowledged: what the consumer says of it, where it does, and what a reset makes of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from allocation.adapters.jetstream.api import ask
from allocation.adapters.jetstream.inbound import JetStreamInbound
from allocation.service_layer.streams import BrokerUnavailableError
from tests.integration.jetstream.examples import INBOUND, send
from tests.waiting import eventually

if TYPE_CHECKING:
    from allocation.adapters.jetstream.connection import BrokerConnection


async def consume(inbound: JetStreamInbound, count: int) -> None:
    for delivery in await inbound.fetch(count):
        await delivery.ack()


async def floor_is(inbound: JetStreamInbound, floor: int) -> bool:
    return (await inbound.bind()).ack_floor == floor


async def test_nothing_is_acknowledged_at_first(connection: BrokerConnection, inbound: JetStreamInbound) -> None:
    await send(connection, "order.placed", b"one", b"two", b"three")
    assert (await inbound.bind()).ack_floor == 0
    await consume(inbound, 2)
    await eventually(lambda: floor_is(inbound, 2))


async def test_a_consumer_that_begins_later_has_acknowledged_nothing_before_it_delivers(
    connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    await send(connection, "order.placed", *(b"%d" % number for number in range(5)))
    await consume(inbound, 5)
    await eventually(lambda: floor_is(inbound, 5))
    assert await inbound.deliver_again(4) == 2
    assert (await inbound.bind()).ack_floor == 0
    await consume(inbound, 5)
    await eventually(lambda: floor_is(inbound, 5))


async def test_a_stream_that_others_share_says_nothing(connection: BrokerConnection, inbound: JetStreamInbound) -> None:
    await inbound.close()
    config = INBOUND.stream() | {"subjects": [*INBOUND.subjects, "somebody.else"]}
    await ask(connection, "STREAM.UPDATE.ALLOCATION_INBOUND", config)
    await inbound.bind()
    await send(connection, "order.placed", b"one")
    await consume(inbound, 1)

    async def acknowledged() -> bool:
        info = await ask(connection, "CONSUMER.INFO.ALLOCATION_INBOUND.allocation")
        return bool(info["ack_floor"]["stream_seq"] == 1)

    await eventually(acknowledged)
    assert (await inbound.bind()).ack_floor == 0


async def test_the_stream_is_delivered_again_from_an_instant_on(
    connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    await send(connection, "order.placed", b"one", b"two")
    second = (await ask(connection, "STREAM.MSG.GET.ALLOCATION_INBOUND", {"seq": 2}))["message"]["time"]
    await consume(inbound, 2)
    assert await inbound.deliver_again(datetime.fromisoformat(second[:26] + "+00:00")) == 1
    await inbound.bind()
    assert [delivery.message.payload for delivery in await inbound.fetch(10)] == [b"two"]
    assert await inbound.deliver_again(datetime.now(UTC) - timedelta(hours=1)) == 2


async def test_whoever_waits_for_messages_notices_a_reset_and_goes_on_from_there(
    connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    await send(connection, "order.placed", b"one", b"two", b"three")
    await consume(inbound, 3)
    waiting = asyncio.create_task(inbound.fetch(10))

    async def is_waiting() -> bool:
        return bool((await ask(connection, "CONSUMER.INFO.ALLOCATION_INBOUND.allocation"))["num_waiting"])

    await eventually(is_waiting)
    assert await JetStreamInbound(connection, INBOUND).deliver_again(2) == 2
    with pytest.raises(BrokerUnavailableError, match="Consumer Deleted"):
        await waiting
    await inbound.bind()
    fetched = await inbound.fetch(10)
    assert [(delivery.message.sequence, delivery.message.deliveries) for delivery in fetched] == [(2, 1), (3, 1)]


async def test_whoever_fetches_only_after_a_reset_notices_it_too_and_goes_on_from_there(
    connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    await send(connection, "order.placed", b"one", b"two", b"three")
    await consume(inbound, 3)
    await JetStreamInbound(connection, INBOUND).deliver_again(2)
    with pytest.raises(BrokerUnavailableError, match="the consumer was made anew"):
        await inbound.fetch(10)
    await inbound.bind()
    assert [delivery.message.sequence for delivery in await inbound.fetch(10)] == [2, 3]
