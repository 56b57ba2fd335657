"""The answers to a delivery, as the broker understands them."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import TYPE_CHECKING

from allocation.adapters.jetstream.api import ask
from allocation.adapters.jetstream.inbound import JetStreamInbound
from tests.integration.jetstream.examples import INBOUND, send
from tests.waiting import eventually

if TYPE_CHECKING:
    from typing import Any

    from allocation.adapters.jetstream.connection import BrokerConnection
    from allocation.adapters.jetstream.delivery import JetStreamDelivery
    from tests.nats_server import NatsServer


async def consumer(connection: BrokerConnection) -> dict[str, Any]:
    return await ask(connection, "CONSUMER.INFO.ALLOCATION_INBOUND.allocation")


async def next_delivery(inbound: JetStreamInbound) -> JetStreamDelivery:
    deliveries: list[JetStreamDelivery] = []

    async def came() -> bool:
        deliveries.extend(await inbound.fetch(1))
        return bool(deliveries)

    await eventually(came)
    return deliveries[0]


async def test_an_acknowledged_message_is_settled(connection: BrokerConnection, inbound: JetStreamInbound) -> None:
    await send(connection, "order.placed", b"one")
    await (await next_delivery(inbound)).ack()

    async def settled() -> bool:
        info = await consumer(connection)
        return (info["ack_floor"]["stream_seq"], info["num_ack_pending"]) == (1, 0)

    await eventually(settled)
    assert await inbound.fetch(1) == []


async def test_a_retried_message_comes_again_and_later_ones_pass_it(
    connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    await send(connection, "order.placed", b"early", b"later")
    early = await next_delivery(inbound)
    await early.retry(1.0)
    assert (await next_delivery(inbound)).message.payload == b"later"
    again = await next_delivery(inbound)
    assert again.message == dataclasses.replace(early.message, deliveries=2)


async def test_a_retry_without_delay_comes_at_once(connection: BrokerConnection, inbound: JetStreamInbound) -> None:
    await send(connection, "order.placed", b"one")
    for deliveries in (1, 2, 3):
        delivery = await next_delivery(inbound)
        assert delivery.message.deliveries == deliveries
        await delivery.retry(0)


async def test_a_terminated_message_never_comes_again_and_the_reason_is_told(
    connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    advisories = await connection.client().subscribe("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>")
    await send(connection, "order.placed", b"one")
    await (await next_delivery(inbound)).terminate("parked:\nno such batch")
    advisory = json.loads((await advisories.next_msg(timeout=5)).data)
    assert advisory["reason"] == "parked: no such batch"
    assert advisory["stream_seq"] == 1
    assert (await consumer(connection))["num_ack_pending"] == 0
    await advisories.unsubscribe()


async def test_an_unanswered_message_is_delivered_again_and_a_kept_one_is_not(connection: BrokerConnection) -> None:
    hasty = JetStreamInbound(
        connection, dataclasses.replace(INBOUND, ack_wait_seconds=1.0), wait_seconds=0.4, heartbeat_seconds=0.2
    )
    await hasty.bind()
    await send(connection, "order.placed", b"kept", b"forgotten")
    kept, forgotten = await hasty.fetch(2)
    redelivered: list[JetStreamDelivery] = []

    async def came_again() -> bool:
        await kept.keep()
        redelivered.extend(await hasty.fetch(2))
        return bool(redelivered)

    await eventually(came_again)
    assert [delivery.message for delivery in redelivered] == [dataclasses.replace(forgotten.message, deliveries=2)]
    await hasty.close()


async def test_answers_while_the_broker_is_away_are_lost_without_a_word(
    server: NatsServer, connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    await send(connection, "order.placed", b"one")
    delivery = await next_delivery(inbound)
    server.kill()
    assert await connection.wait_for_health(healthy=False, deadline_seconds=5)
    async with asyncio.timeout(5):
        await delivery.keep()
        await delivery.retry(1)
        await delivery.terminate("whatever")
        await delivery.ack()


async def test_an_answer_to_a_former_stream_does_not_reach_the_recreated_one(
    connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    await send(connection, "order.placed", b"former")
    former = await next_delivery(inbound)
    await ask(connection, "STREAM.DELETE.ALLOCATION_INBOUND")
    await inbound.bind()
    await send(connection, "order.placed", b"present")
    present = await next_delivery(inbound)
    assert present.message.sequence == former.message.sequence
    await former.ack()
    await connection.client().flush()
    assert (await consumer(connection))["num_ack_pending"] == 1


async def test_the_broker_ignores_an_answer_to_a_message_that_it_has_not_delivered(
    connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    await send(connection, "order.placed", b"former")
    former = await next_delivery(inbound)
    await ask(connection, "STREAM.DELETE.ALLOCATION_INBOUND")
    await inbound.bind()
    await send(connection, "order.placed", b"present")
    await connection.client().publish(former._reply, b"+ACK")  # noqa: SLF001 - as one that was on its way all the while
    await connection.client().flush()
    present = await next_delivery(inbound)
    assert (present.message.sequence, present.message.payload) == (former.message.sequence, b"present")
