"""Streams and consumer: created when missing, refused when otherwise, adopted when told so."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from allocation.adapters.jetstream.api import ask
from allocation.adapters.jetstream.comparison import is_held
from allocation.adapters.jetstream.connection import BrokerConnection
from allocation.adapters.jetstream.events import JetStreamEvents
from allocation.adapters.jetstream.inbound import JetStreamInbound
from allocation.service_layer.streams import BrokerUnavailableError, StreamMismatchError
from tests.integration.jetstream.examples import EVENTS, INBOUND, an_event, send
from tests.integration.jetstream.waiting import once_available
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.nats_server import NatsServer

APART = dataclasses.replace(INBOUND, subjects_apart=EVENTS.subjects)
EVENTS_APART = dataclasses.replace(EVENTS, subjects_apart=INBOUND.subjects)
ADVICE = "change it, remove it, or start with --adopt to use it as it is"


async def make_stream(connection: BrokerConnection, name: str, subjects: list[str], **settings: object) -> None:
    await ask(connection, f"STREAM.CREATE.{name}", {"name": name, "subjects": subjects, "storage": "file"} | settings)


async def configuration_of(connection: BrokerConnection, question: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await ask(connection, question))["config"]
    return answer


async def test_missing_streams_and_consumer_are_created_as_configured(connection: BrokerConnection) -> None:
    inbound = await JetStreamInbound(connection, INBOUND).bind()
    events = await JetStreamEvents(connection, EVENTS).bind()
    assert (inbound.name, inbound.last_sequence) == ("ALLOCATION_INBOUND", 0)
    assert (events.name, events.last_sequence) == ("ALLOCATION_EVENTS", 0)
    for wanted in (INBOUND.stream(), EVENTS.stream()):
        assert wanted.items() <= (await configuration_of(connection, f"STREAM.INFO.{wanted['name']}")).items()
    consumer = await configuration_of(connection, "CONSUMER.INFO.ALLOCATION_INBOUND.allocation")
    assert INBOUND.consumer().items() <= consumer.items()


async def test_binding_again_finds_the_same_life_of_the_stream(connection: BrokerConnection) -> None:
    first = await JetStreamInbound(connection, INBOUND).bind()
    await send(connection, "order.placed", b"one")
    again = await JetStreamInbound(connection, INBOUND).bind()
    assert (again.created_at, again.last_sequence) == (first.created_at, 1)


async def test_instances_that_start_at_once_share_what_one_of_them_created(server: NatsServer) -> None:
    connections = [BrokerConnection([server.url]) for _ in range(5)]
    for each in connections:
        await each.open()
    states = await asyncio.gather(*(JetStreamInbound(each, INBOUND).bind() for each in connections))
    assert len({state.created_at for state in states}) == 1
    for each in connections:
        await each.close()


async def test_an_inbound_stream_that_is_otherwise_is_refused_line_by_line(connection: BrokerConnection) -> None:
    await make_stream(connection, "ALLOCATION_INBOUND", ["order.placed"], storage="memory", retention="workqueue")
    with pytest.raises(StreamMismatchError) as refused:
        await JetStreamInbound(connection, INBOUND).bind()
    assert str(refused.value).splitlines() == [
        "stream ALLOCATION_INBOUND exists with settings that matter otherwise:",
        "  subjects: ours batch.created batch.quantity.changed order.placed, theirs order.placed",
        "  storage: ours file, theirs memory",
        "  retention: ours limits, theirs workqueue",
        "  discard: ours new, theirs old",
        ADVICE,
    ]


async def test_an_event_stream_that_is_otherwise_is_refused_line_by_line(connection: BrokerConnection) -> None:
    await make_stream(connection, "ALLOCATION_EVENTS", list(EVENTS.subjects), duplicate_window=120 * 10**9)
    with pytest.raises(StreamMismatchError) as refused:
        await JetStreamEvents(connection, EVENTS).bind()
    assert str(refused.value).splitlines()[1:] == [
        "  deny_delete: ours true, theirs false",
        "  allow_atomic: ours true, theirs false",
        "  duplicate_window: ours 600 s, theirs 120 s",
        ADVICE,
    ]


async def test_a_consumer_that_is_otherwise_is_refused_line_by_line(connection: BrokerConnection) -> None:
    await make_stream(connection, "ALLOCATION_INBOUND", list(INBOUND.subjects), discard="new")
    theirs = {"durable_name": "allocation", "ack_policy": "all", "deliver_policy": "new", "max_deliver": 5}
    await ask(
        connection,
        "CONSUMER.CREATE.ALLOCATION_INBOUND.allocation",
        {"stream_name": "ALLOCATION_INBOUND", "config": theirs | {"name": "allocation"}},
    )
    with pytest.raises(StreamMismatchError) as refused:
        await JetStreamInbound(connection, INBOUND).bind()
    assert str(refused.value).splitlines() == [
        "consumer allocation of stream ALLOCATION_INBOUND exists with settings that matter otherwise:",
        "  filter_subjects: ours batch.created batch.quantity.changed order.placed, theirs none",
        "  ack_policy: ours explicit, theirs all",
        "  deliver_policy: ours all, theirs new",
        "  max_deliver: ours -1, theirs 5",
        ADVICE,
    ]


async def test_what_is_otherwise_is_adopted_when_told_so(connection: BrokerConnection) -> None:
    await make_stream(connection, "ALLOCATION_INBOUND", list(INBOUND.subjects), storage="memory")
    inbound = JetStreamInbound(connection, INBOUND, adopt=True)
    assert (await inbound.bind()).name == "ALLOCATION_INBOUND"
    await send(connection, "order.placed", b"one")
    assert [delivery.message.payload for delivery in await inbound.fetch(10)] == [b"one"]


async def test_limits_are_the_operators_to_change(connection: BrokerConnection) -> None:
    settings = {"discard": "new", "max_age": 3600 * 10**9, "max_bytes": 1 << 20, "duplicate_window": 10**9}
    await make_stream(connection, "ALLOCATION_INBOUND", list(INBOUND.subjects), **settings)
    await JetStreamInbound(connection, INBOUND).bind()


async def test_a_stream_that_holds_all_our_subjects_is_used(connection: BrokerConnection) -> None:
    await make_stream(connection, "COMPANY", ["batch.>", "order.*", "refund.made"], discard="new")
    inbound = JetStreamInbound(connection, INBOUND)
    assert (await inbound.bind()).name == "COMPANY"
    await send(connection, "refund.made", b"not ours")
    await send(connection, "batch.quantity.changed", b"ours")
    (delivery,) = await inbound.fetch(10)
    assert (delivery.message.stream, delivery.message.sequence) == ("COMPANY", 2)
    assert delivery.message.payload == b"ours"


async def test_a_stream_that_holds_our_subjects_is_compared_too(connection: BrokerConnection) -> None:
    await make_stream(connection, "COMPANY", ["allocation.>"])
    with pytest.raises(StreamMismatchError, match="allow_atomic: ours true, theirs false"):
        await JetStreamEvents(connection, EVENTS).bind()
    adopted = JetStreamEvents(connection, EVENTS, adopt=True)
    assert (await adopted.bind()).name == "COMPANY"
    assert await adopted.publish([an_event()]) == 1


@pytest.mark.parametrize("adopt", [False, True])
@pytest.mark.parametrize("discard", ["old", "new"])
async def test_one_stream_for_what_is_consumed_and_what_is_published_is_refused_adopted_or_not(
    connection: BrokerConnection, discard: str, *, adopt: bool
) -> None:
    await make_stream(connection, "COMPANY", ["batch.>", "order.placed", "allocation.>"], discard=discard)
    with pytest.raises(StreamMismatchError) as refused:
        await JetStreamInbound(connection, APART, adopt=adopt).bind()
    assert str(refused.value) == (
        "stream COMPANY takes in batch.created and allocation.allocated, what is consumed and what is published: a full stream "
        "of the first must refuse, one of the second must forget its oldest; hold them in two streams "
        "(ALLOCATION_INBOUND_STREAM, ALLOCATION_EVENT_STREAM), a stream of the whole company may have both as its sources; "
        "--adopt does not change this"
    )
    with pytest.raises(StreamMismatchError, match=r"^stream COMPANY takes in allocation\.allocated and batch\.created, "):
        await JetStreamEvents(connection, EVENTS_APART, adopt=adopt).bind()


async def test_a_stream_of_the_whole_company_may_have_both_as_its_sources(connection: BrokerConnection) -> None:
    inbound = JetStreamInbound(connection, APART)
    events = JetStreamEvents(connection, EVENTS_APART)
    names = [(await stream.bind()).name for stream in (inbound, events)]
    await make_stream(connection, "COMPANY", ["refund.made"], sources=[{"name": name} for name in names])
    await send(connection, "order.placed", b"one")
    await events.publish([an_event()])

    async def holds_both() -> bool:
        return bool((await ask(connection, "STREAM.INFO.COMPANY"))["state"]["messages"] == 2)

    await eventually(holds_both)
    assert [delivery.message.payload for delivery in await inbound.fetch(10)] == [b"one"]
    await inbound.close()


async def test_subjects_spread_over_other_streams_are_refused_by_name(connection: BrokerConnection) -> None:
    await make_stream(connection, "STOCK", ["batch.>"], discard="new")
    await make_stream(connection, "ORDERS", ["order.placed"], discard="new")
    narrow = dataclasses.replace(INBOUND, subjects=(*INBOUND.subjects, "order.cancelled"))
    with pytest.raises(StreamMismatchError) as refused:
        await JetStreamInbound(connection, narrow).bind()
    assert str(refused.value).splitlines() == [
        "stream ALLOCATION_INBOUND cannot be made, other streams hold some of its subjects:",
        "  batch.created: held by STOCK",
        "  batch.quantity.changed: held by STOCK",
        "  order.placed: held by ORDERS",
        "  order.cancelled: held by none",
    ]


async def test_a_recreated_stream_has_another_life(connection: BrokerConnection) -> None:
    stream = JetStreamInbound(connection, INBOUND)
    first = await stream.bind()
    await ask(connection, "STREAM.DELETE.ALLOCATION_INBOUND")
    second = await stream.bind()
    assert first.created_at != second.created_at


async def test_a_restarted_broker_has_the_same_life_of_the_stream(server: NatsServer, connection: BrokerConnection) -> None:
    stream = JetStreamInbound(connection, INBOUND)
    first = await stream.bind()
    await send(connection, "order.placed", b"one")
    server.restart()
    again = await once_available(stream.bind)
    assert (again.created_at, again.last_sequence) == (first.created_at, 1)


async def test_a_broker_without_room_is_unavailable_and_says_why(connection: BrokerConnection) -> None:
    greedy = dataclasses.replace(INBOUND, bytes_max=1 << 60)
    with pytest.raises(BrokerUnavailableError, match="insufficient storage resources"):
        await JetStreamInbound(connection, greedy).bind()


@pytest.mark.parametrize(
    ("subject", "patterns", "held"),
    [
        ("batch.created", ["order.placed", "batch.created"], True),
        ("batch.created", ["batch.*"], True),
        ("batch.quantity.changed", ["batch.*"], False),
        ("batch.quantity.changed", ["batch.>"], True),
        ("batch.quantity.changed", [">"], True),
        ("batch.quantity.changed", ["*.quantity.*"], True),
        ("batch", ["batch.>"], False),
        ("batch.created", ["batch.created.late"], False),
        ("batch.created", [], False),
    ],
)
def test_a_subject_is_held_by_itself_and_by_wildcards(subject: str, patterns: list[str], held: bool) -> None:  # noqa: FBT001 -- a column of the table
    assert is_held(subject, patterns) is held
