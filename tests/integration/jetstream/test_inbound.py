"""Fetching: at once, in order, and honest about a broker that is away."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from allocation.adapters.jetstream.api import ask, ask_if_there
from allocation.adapters.jetstream.connection import BrokerConnection
from allocation.adapters.jetstream.inbound import JetStreamInbound
from allocation.service_layer.streams import BrokerUnavailableError
from tests.integration.jetstream.examples import INBOUND, send
from tests.integration.jetstream.waiting import once_available
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocation.adapters.jetstream.delivery import JetStreamDelivery
    from tests.nats_server import NatsServer


def payloads(deliveries: Sequence[JetStreamDelivery]) -> list[bytes]:
    return [delivery.message.payload for delivery in deliveries]


async def test_a_lone_message_does_not_wait_for_companions(connection: BrokerConnection) -> None:
    patient = JetStreamInbound(connection, INBOUND, wait_seconds=60, heartbeat_seconds=20)
    await patient.bind()
    fetching = asyncio.create_task(patient.fetch(500))
    await eventually(lambda: pulls_waiting(connection))
    await send(connection, "order.placed", b"alone")
    async with asyncio.timeout(5):
        assert payloads(await fetching) == [b"alone"]
    await patient.close()


async def pulls_waiting(connection: BrokerConnection, count: int = 1) -> bool:
    info = await ask(connection, "CONSUMER.INFO.ALLOCATION_INBOUND.allocation")
    return bool(info["num_waiting"] == count)


async def test_what_is_pending_comes_in_one_fetch_and_in_order(connection: BrokerConnection, inbound: JetStreamInbound) -> None:
    sent = [b"%d" % number for number in range(700)]
    for begin, subject in ((0, "batch.created"), (300, "order.placed"), (500, "batch.quantity.changed")):
        await send(connection, subject, *sent[begin : {0: 300, 300: 500, 500: 700}[begin]])
    first = await inbound.fetch(500)
    rest = await inbound.fetch(500)
    assert payloads(first) == sent[:500]
    assert payloads(rest) == sent[500:]
    assert [delivery.message.sequence for delivery in [*first, *rest]] == list(range(1, 701))
    assert {delivery.message.deliveries for delivery in first} == {1}


async def test_when_a_message_was_stored_is_the_same_however_it_is_asked(
    connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    await send(connection, "order.placed", *(b"%d" % number for number in range(50)))
    stored = [delivery.message.stored_at for delivery in await inbound.fetch(50)]
    assert all(when is not None for when in stored)
    asked = [await inbound.stored_at(sequence) for sequence in range(1, 51)]
    assert max(abs((one or 0) - (other or 0)) for one, other in zip(stored, asked, strict=True)) <= 1
    assert await inbound.stored_at(51) is None


async def test_an_idle_stream_answers_nothing(inbound: JetStreamInbound) -> None:
    assert await inbound.fetch(10) == []


async def test_a_message_is_handed_over_as_it_was_sent(connection: BrokerConnection, inbound: JetStreamInbound) -> None:
    stream = connection.client().jetstream()
    await stream.publish("order.placed", b"\x00\xff", headers={"CE-Subject": "R%C3%96D", "X-Any": "Thing"})
    await stream.publish("batch.created", b"")
    with_headers, bare = await inbound.fetch(10)
    assert with_headers.message.subject == "order.placed"
    assert with_headers.message.payload == b"\x00\xff"
    assert with_headers.message.headers == {"ce-subject": "R%C3%96D", "x-any": "Thing"}
    assert with_headers.message.stream == "ALLOCATION_INBOUND"
    assert bare.message.headers == {}
    assert bare.message.payload == b""


async def test_a_message_that_looks_like_a_status_is_a_message(connection: BrokerConnection, inbound: JetStreamInbound) -> None:
    await connection.client().jetstream().publish("order.placed", b"", headers={"Status": "404"})
    (delivery,) = await inbound.fetch(10)
    assert delivery.message.headers == {"status": "404"}


async def test_no_more_is_delivered_than_may_be_unanswered(connection: BrokerConnection) -> None:
    modest = JetStreamInbound(
        connection, dataclasses.replace(INBOUND, ack_pending_max=3), wait_seconds=1.0, heartbeat_seconds=0.4
    )
    await modest.bind()
    await send(connection, "order.placed", *(b"%d" % number for number in range(5)))
    first = await modest.fetch(10)
    assert payloads(first) == [b"0", b"1", b"2"]
    assert await modest.fetch(10) == []
    for delivery in first:
        await delivery.ack()
    assert payloads(await modest.fetch(10)) == [b"3", b"4"]
    await modest.close()


async def test_two_instances_share_the_consumer_and_neither_spins(
    connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    other = JetStreamInbound(connection, INBOUND, wait_seconds=60, heartbeat_seconds=20)
    await other.bind()
    both = [asyncio.create_task(stream.fetch(10)) for stream in (other, inbound)]
    await eventually(lambda: pulls_waiting(connection, 2))
    await send(connection, "order.placed", b"one", b"two")
    async with asyncio.timeout(5):
        fetched = [payload for deliveries in await asyncio.gather(*both) for payload in payloads(deliveries)]
    assert sorted(fetched) == [b"one", b"two"]
    await other.close()


async def test_an_instance_that_waits_in_line_finds_an_idle_stream_idle(
    connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    other = JetStreamInbound(connection, INBOUND, wait_seconds=60, heartbeat_seconds=20)
    await other.bind()
    first_in_line = asyncio.create_task(other.fetch(10))
    await eventually(lambda: pulls_waiting(connection))
    assert await inbound.fetch(10) == []
    assert not first_in_line.done()
    await send(connection, "order.placed", b"one")
    assert payloads(await first_in_line) == [b"one"]
    await other.close()


async def test_fetching_before_binding_is_refused(connection: BrokerConnection) -> None:
    with pytest.raises(BrokerUnavailableError, match="not bound"):
        await JetStreamInbound(connection, INBOUND).fetch(1)


async def test_a_cancelled_fetch_loses_nothing(connection: BrokerConnection, inbound: JetStreamInbound) -> None:
    fetching = asyncio.create_task(inbound.fetch(10))
    await eventually(lambda: pulls_waiting(connection))
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    await send(connection, "order.placed", b"late")
    (delivery,) = await inbound.fetch(10)
    assert (delivery.message.payload, delivery.message.deliveries) == (b"late", 1)


async def test_closing_gives_back_at_once_what_nobody_read(connection: BrokerConnection, inbound: JetStreamInbound) -> None:
    fetching = asyncio.create_task(inbound.fetch(10))
    await eventually(lambda: pulls_waiting(connection))
    fetching.cancel()
    await asyncio.wait({fetching})
    await send(connection, "order.placed", b"unread")

    async def delivered() -> bool:
        info = await ask(connection, "CONSUMER.INFO.ALLOCATION_INBOUND.allocation")
        return bool(info["num_ack_pending"])

    await eventually(delivered)
    await connection.client().flush()
    await inbound.close()
    other = JetStreamInbound(connection, INBOUND, wait_seconds=5)
    await other.bind()
    async with asyncio.timeout(INBOUND.ack_wait_seconds / 2):
        (delivery,) = await other.fetch(10)
    assert (delivery.message.payload, delivery.message.deliveries) == (b"unread", 2)
    await other.close()


async def test_a_deleted_consumer_is_made_again_by_binding(connection: BrokerConnection, inbound: JetStreamInbound) -> None:
    fetching = asyncio.create_task(inbound.fetch(10))
    await eventually(lambda: pulls_waiting(connection))
    await ask(connection, "CONSUMER.DELETE.ALLOCATION_INBOUND.allocation")
    with pytest.raises(BrokerUnavailableError, match="Consumer Deleted"):
        await fetching
    with pytest.raises(BrokerUnavailableError, match="gone"):
        await inbound.fetch(10)
    await inbound.bind()
    await send(connection, "order.placed", b"after")
    assert payloads(await inbound.fetch(10)) == [b"after"]


async def test_a_stream_found_missing_is_made_again_by_binding(connection: BrokerConnection, inbound: JetStreamInbound) -> None:
    await ask(connection, "STREAM.DELETE.ALLOCATION_INBOUND")
    with pytest.raises(BrokerUnavailableError):
        await inbound.fetch(10)
    state = await inbound.bind()
    assert state.last_sequence == 0
    await send(connection, "order.placed", b"after")
    assert payloads(await inbound.fetch(10)) == [b"after"]


@pytest.mark.parametrize("remade", ["the consumer", "the stream"])
async def test_what_was_made_anew_while_nobody_fetched_is_noticed_and_none_of_its_messages_is_lost(
    connection: BrokerConnection, inbound: JetStreamInbound, remade: str
) -> None:
    await send(connection, "order.placed", b"one", b"two")
    for delivery in await inbound.fetch(10):
        await delivery.ack()
    await inbound.bind()
    if remade == "the stream":
        await ask(connection, "STREAM.DELETE.ALLOCATION_INBOUND")
        await ask(connection, "STREAM.CREATE.ALLOCATION_INBOUND", INBOUND.stream())
        await send(connection, "order.placed", b"one", b"three")
    else:
        await ask(connection, "CONSUMER.DELETE.ALLOCATION_INBOUND.allocation")
    consumer = {"stream_name": "ALLOCATION_INBOUND", "config": INBOUND.consumer(), "action": "create"}
    await ask(connection, "CONSUMER.CREATE.ALLOCATION_INBOUND.allocation", consumer)
    with pytest.raises(BrokerUnavailableError, match=r"^the consumer was made anew: delivery 1 came after 2$"):
        await inbound.fetch(10)
    await inbound.bind()
    assert payloads(await inbound.fetch(10)) == ([b"one", b"three"] if remade == "the stream" else [b"one", b"two"])


async def test_a_stream_made_anew_before_the_first_message_was_fetched_is_noticed_too(
    connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    await ask(connection, "STREAM.DELETE.ALLOCATION_INBOUND")
    await ask(connection, "STREAM.CREATE.ALLOCATION_INBOUND", INBOUND.stream())
    consumer = {"stream_name": "ALLOCATION_INBOUND", "config": INBOUND.consumer(), "action": "create"}
    await ask(connection, "CONSUMER.CREATE.ALLOCATION_INBOUND.allocation", consumer)
    await send(connection, "order.placed", b"one")
    with pytest.raises(BrokerUnavailableError, match=r"^stream ALLOCATION_INBOUND was made anew$"):
        await inbound.fetch(10)
    await inbound.bind()
    assert payloads(await inbound.fetch(10)) == [b"one"]


async def test_a_first_message_is_not_lost_if_the_stream_cannot_be_asked_about_it(
    connection: BrokerConnection, inbound: JetStreamInbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    await send(connection, "order.placed", b"one")
    with monkeypatch.context() as silent:
        silent.setattr(connection, "request_timeout_seconds", 1e-9)
        with pytest.raises(BrokerUnavailableError, match=r"STREAM\.INFO"):
            await inbound.fetch(10)
    (delivery,) = await inbound.fetch(10)
    assert (delivery.message.payload, delivery.message.deliveries) == (b"one", 1)


async def test_a_stream_that_is_made_anew_while_it_is_bound_is_looked_at_again(
    connection: BrokerConnection, inbound: JetStreamInbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def ask_while_it_is_made_anew(broker: BrokerConnection, question: str, *rest: Any) -> dict[str, Any] | None:  # noqa: ANN401 - as they are
        answer = await ask_if_there(broker, question, *rest)
        if not asked:
            await ask(broker, "STREAM.DELETE.ALLOCATION_INBOUND")
            await ask(broker, "STREAM.CREATE.ALLOCATION_INBOUND", INBOUND.stream())
        asked.append(question)
        return answer

    monkeypatch.setattr("allocation.adapters.jetstream.streams.ask_if_there", ask_while_it_is_made_anew)
    with pytest.raises(BrokerUnavailableError, match="stream ALLOCATION_INBOUND was made anew while it was looked at"):
        await inbound.bind()
    assert asked == ["STREAM.INFO.ALLOCATION_INBOUND"]
    created = (await ask(connection, "STREAM.INFO.ALLOCATION_INBOUND"))["created"]
    assert (await inbound.bind()).created_at == created


async def test_a_killed_broker_delivers_again_what_was_not_acknowledged(
    server: NatsServer, connection: BrokerConnection
) -> None:
    hasty = dataclasses.replace(INBOUND, ack_wait_seconds=2.0)
    inbound = JetStreamInbound(connection, hasty, wait_seconds=1.0, heartbeat_seconds=0.3)
    await inbound.bind()
    await send(connection, "order.placed", b"done", b"open")
    done, _ = await inbound.fetch(10)
    await done.ack()
    await eventually(lambda: acknowledged(connection, 1))
    server.kill()
    with pytest.raises(BrokerUnavailableError):
        await inbound.fetch(10)
    server.start()
    await once_available(inbound.bind)
    await send(connection, "order.placed", b"new")
    seen: set[bytes] = set()

    async def all_seen() -> bool:
        seen.update(payloads(await once_available(lambda: inbound.fetch(10))))
        return {b"open", b"new"} <= seen  # And perhaps what was done: a killed broker forgets the latest acks.

    await eventually(all_seen)
    await inbound.close()


async def acknowledged(connection: BrokerConnection, sequence: int) -> bool:
    info = await ask(connection, "CONSUMER.INFO.ALLOCATION_INBOUND.allocation")
    return bool(info["ack_floor"]["stream_seq"] >= sequence)


async def test_a_fetch_that_was_open_when_the_broker_died_ends(
    server: NatsServer, connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    fetching = asyncio.create_task(inbound.fetch(10))
    await eventually(lambda: pulls_waiting(connection))
    server.restart()
    with pytest.raises(BrokerUnavailableError, match="silent"):
        await fetching
    assert await once_available(lambda: inbound.fetch(10)) == []


async def test_a_frozen_broker_is_noticed_by_its_silence_and_read_again_afterwards(
    server: NatsServer, connection: BrokerConnection, inbound: JetStreamInbound
) -> None:
    server.pause()
    async with asyncio.timeout(5):
        with pytest.raises(BrokerUnavailableError, match="silent"):
            await inbound.fetch(10)
    server.resume()
    await once_available(lambda: send(connection, "order.placed", b"after"))
    seen: list[bytes] = []

    async def came() -> bool:
        seen.extend(payloads(await once_available(lambda: inbound.fetch(10))))
        return b"after" in seen

    await eventually(came)


async def test_a_replaced_client_has_to_be_bound_again(server: NatsServer) -> None:
    connection = BrokerConnection([server.url], check_interval_seconds=0.1, rebuild_after_seconds=0.3)
    await connection.open()
    inbound = JetStreamInbound(connection, INBOUND, wait_seconds=1.0, heartbeat_seconds=0.3)
    await inbound.bind()
    first = connection.client()
    await first.close()

    async def replaced() -> bool:
        return connection.healthy and connection.client() is not first

    await eventually(replaced)
    with pytest.raises(BrokerUnavailableError, match="not bound"):
        await inbound.fetch(1)
    await inbound.bind()
    assert await inbound.fetch(1) == []
    await inbound.close()
    await connection.close()
