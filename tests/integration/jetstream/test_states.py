"""What a stream says of itself: how far back it reaches, as the broker has it and by the broker's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from allocation.adapters.jetstream.api import ask, instant
from allocation.adapters.jetstream.inbound import JetStreamInbound
from allocation.service_layer.streams import BrokerUnavailableError
from tests.integration.jetstream.examples import INBOUND, send, some_events

if TYPE_CHECKING:
    from allocation.adapters.jetstream.connection import BrokerConnection
    from allocation.adapters.jetstream.events import JetStreamEvents

SOON = timedelta(seconds=30)


async def test_an_empty_stream_holds_nothing_from_before_it_was_asked(inbound: JetStreamInbound) -> None:
    state = await inbound.state()
    assert state.holds_since is not None
    assert abs(datetime.now(UTC) - state.holds_since) < SOON
    assert (state.first_sequence, state.last_sequence) in ((0, 0), (1, 0))


async def test_a_stream_reaches_back_to_its_oldest_message(connection: BrokerConnection, inbound: JetStreamInbound) -> None:
    await send(connection, "order.placed", b"1", b"2", b"3")
    whole = await inbound.state()
    await ask(connection, "STREAM.PURGE.ALLOCATION_INBOUND", {"seq": 3})
    trimmed = await inbound.state()
    assert (whole.first_sequence, trimmed.first_sequence, trimmed.last_sequence) == (1, 3, 3)
    assert whole.holds_since is not None
    assert trimmed.holds_since is not None
    assert whole.holds_since < trimmed.holds_since
    await ask(connection, "STREAM.PURGE.ALLOCATION_INBOUND")
    assert (await inbound.state()).first_sequence == 4


async def test_the_event_stream_says_so_too(events: JetStreamEvents) -> None:
    await events.publish(some_events(2))
    state = await events.state()
    assert (state.first_sequence, state.last_sequence) == (1, 2)
    assert state.holds_since is not None


async def test_a_stream_that_was_never_bound_says_nothing(connection: BrokerConnection) -> None:
    with pytest.raises(BrokerUnavailableError, match="not bound"):
        await JetStreamInbound(connection, INBOUND).state()


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2026-03-01T12:30:05Z", 0),
        ("2026-03-01T12:30:05.1Z", 100_000),
        ("2026-03-01T12:30:05.123456789Z", 123_456),
        ("2026-03-01T14:30:05.123456789+02:00", 123_456),
        ("2026-03-01T07:30:05.5-05:00", 500_000),
        ("2026-03-01T14:30:05+02:00", 0),
    ],
)
def test_instants_are_read_as_the_broker_writes_them(text: str, microsecond: int) -> None:
    assert instant(text) == datetime(2026, 3, 1, 12, 30, 5, microsecond, tzinfo=UTC)
