"""`allocation outbox verify` against a real stream: what it lacks, holds twice, never had from this log, and has forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import nats
import pytest

from allocation.adapters.sql.sqlite import open_sqlite
from allocation.connections import DATABASE_FILE
from allocation.operators.broker import connected
from allocation.operators.event_stream import NoStreamError, event_stream_state, reading
from allocation.operators.outbox import status, with_stream
from allocation.operators.outbox_verification import Verification, verify
from allocation.service_layer.streams import BrokerUnavailableError
from tests.integration.operators.ledger import forge, keep_books, rows_of, settings_of
from tests.nats_server import NatsServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nats.aio.client import Client

    from allocation.service_layer.streams import OutboxEvent
    from allocation.settings import Settings

STREAM = "ALLOCATION_EVENTS"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A running broker with an empty store."""
    with NatsServer(tmp_path / "broker") as running:
        yield running


@pytest.fixture
async def settings(tmp_path: Path, server: NatsServer) -> Settings:
    """The books of a day, with everything waiting in the outbox."""
    await keep_books(tmp_path)
    return settings_of(tmp_path, nats_urls=server.url)


@pytest.fixture
async def events(tmp_path: Path, settings: Settings) -> list[OutboxEvent]:
    """All of it on the stream, and the outbox empty."""
    async with open_sqlite(tmp_path / DATABASE_FILE) as (_, reader):
        found = await reader.outbox(1_000)
    async with connected(settings) as connection:
        await (await reading(connection, STREAM)).publish(found)
    forge(tmp_path, "DELETE FROM outbox")
    return found


async def check(settings: Settings, since: datetime | None = None) -> Verification:
    return await verify(settings, since=since, shown_max=100)


async def client_of(server: NatsServer) -> Client:
    return await nats.connect(server.url)


async def test_a_stream_that_is_not_there_is_said_and_not_made(settings: Settings, server: NatsServer) -> None:
    with pytest.raises(NoStreamError, match="the broker has no stream ALLOCATION_EVENTS"):
        await check(settings)
    client = await client_of(server)
    assert await client.jetstream().streams_info() == []
    await client.close()


async def test_nothing_is_missing_when_all_is_there(settings: Settings, events: list[OutboxEvent]) -> None:
    found = await check(settings)
    assert (found.missing, found.forgotten, found.twice, found.unknown) == (0, 0, 0, 0)
    assert found.stored == found.on_stream.count == len(events)


async def test_what_waits_is_not_missing(settings: Settings, events: list[OutboxEvent], tmp_path: Path) -> None:
    await _lose_the_last_two(settings, events)
    assert [event.event_id for event in (await check(settings)).missing_shown] == [event.event_id for event in events[-2:]]
    forge(tmp_path, f"INSERT INTO outbox VALUES ({events[-1].position})")  # noqa: S608 - ours
    found = await check(settings)
    assert [event.event_id for event in found.missing_shown] == [events[-2].event_id]
    assert (found.waiting.count, (await status(settings)).waiting) == (1, 1)


async def test_only_events_since_an_instant_are_looked_for(settings: Settings, events: list[OutboxEvent]) -> None:
    await _lose_the_last_two(settings, events)
    happened = events[-1].occurred_at
    assert (await check(settings, happened)).missing == 2
    assert (await check(settings, happened + timedelta(seconds=1))).missing == 0


async def test_what_the_stream_holds_twice_or_the_log_does_not_know_is_named(
    settings: Settings, events: list[OutboxEvent], server: NatsServer
) -> None:
    client = await client_of(server)
    for event_id in (events[0].event_id, "of-another-life"):
        await client.jetstream().publish("allocation.allocated", b"", headers={"ce-id": event_id})
    await client.close()
    found = await check(settings)
    assert [(one.sequence, one.event_id) for one in found.twice_shown] == [(len(events) + 1, events[0].event_id)]
    assert [(one.sequence, one.event_id) for one in found.unknown_shown] == [(len(events) + 2, "of-another-life")]
    assert found.missing == 0


@pytest.mark.usefixtures("events")
async def test_what_the_stream_forgot_is_counted_apart_from_what_it_lost(
    settings: Settings, server: NatsServer, tmp_path: Path
) -> None:
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    forge(tmp_path, f"UPDATE events SET occurred_at = {now}")  # noqa: S608 - ours
    client = await client_of(server)
    await client.jetstream().purge_stream(STREAM, seq=4)
    await client.close()
    found = await check(settings)
    assert (found.forgotten, found.missing) == (3, 0)
    highest = rows_of(tmp_path, "SELECT max(position) FROM events")[0][0]
    forge(
        tmp_path,
        "INSERT INTO events (event_id, type, subject, sku, sku_sequence, payload, occurred_at, correlation_id, causation_id) "  # noqa: S608 - ours
        f"VALUES ('lost', 't', 'allocation.rejected', 'RUG', NULL, x'', {now}, 'c', 'c')",
    )
    found = await check(settings)
    assert (found.forgotten, [event.event_id for event in found.missing_shown]) == (3, ["lost"])
    assert found.missing_shown[0].position > highest


async def test_the_stream_is_found_under_the_name_of_whoever_holds_its_subjects(settings: Settings, server: NatsServer) -> None:
    client = await client_of(server)
    await client.jetstream().add_stream(name="COMPANY", subjects=["allocation.>"])
    await client.close()
    async with connected(settings) as connection:
        assert (await event_stream_state(connection, settings)).name == "COMPANY"
    known = await with_stream(settings, await status(settings))
    assert known.stream is not None
    assert (known.stream.name, known.known) == ("COMPANY", None)


async def test_a_broker_that_is_away_is_said_with_the_setting_that_names_it(settings: Settings, server: NatsServer) -> None:
    server.stop()
    with pytest.raises(BrokerUnavailableError, match="ALLOCATION_NATS_URLS says where it is"):
        await check(settings)


async def _lose_the_last_two(settings: Settings, events: list[OutboxEvent]) -> None:
    """Make the stream anew with all but two."""
    async with connected(settings) as connection:
        await connection.client().jetstream().delete_stream(STREAM)
        await (await reading(connection, STREAM)).publish(events[:-2])
