"""The inbound stream forgets what was acknowledged before it is full, and nothing else."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from allocation.adapters.jetstream.api import ask
from allocation.adapters.jetstream.inbound import JetStreamInbound
from allocation.service_layer.streams import BrokerUnavailableError
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


async def test_a_stream_that_holds_the_messages_of_others_is_not_trimmed(connection: BrokerConnection) -> None:
    inbound = JetStreamInbound(connection, SMALL)
    await inbound.bind()
    await ask(connection, "STREAM.UPDATE.ALLOCATION_INBOUND", SMALL.stream() | {"subjects": [*SMALL.subjects, "refund.made"]})
    await send(connection, "refund.made", b"not ours")
    await fill(connection, inbound, 70)
    await inbound.trim()
    assert await stored(connection) == 71
    await inbound.close()


async def test_a_stream_that_was_made_anew_is_not_trimmed_by_what_was_acknowledged_in_its_former_life(
    connection: BrokerConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbound = JetStreamInbound(connection, SMALL)
    await inbound.bind()
    await fill(connection, inbound, 70)
    asked: list[str] = []

    async def ask_while_it_is_made_anew(broker: BrokerConnection, question: str, *body: Any) -> dict[str, Any]:  # noqa: ANN401 - as it is
        """Ask, and after the first question have the stream made anew, with messages that nobody read."""
        answer = await ask(broker, question, *body)
        if not asked:
            await ask(broker, "STREAM.DELETE.ALLOCATION_INBOUND")
            await ask(broker, "STREAM.CREATE.ALLOCATION_INBOUND", SMALL.stream())
            await send(broker, "order.placed", *[b"y" * 10_000] * 70)
        asked.append(question)
        return answer

    monkeypatch.setattr("allocation.adapters.jetstream.inbound.ask", ask_while_it_is_made_anew)
    with pytest.raises(BrokerUnavailableError, match="stream ALLOCATION_INBOUND was made anew"):
        await inbound.trim()
    assert asked[0].startswith("CONSUMER.INFO."), "else it would be the consumer of another life"
    assert await stored(connection) == 70
    await inbound.close()
