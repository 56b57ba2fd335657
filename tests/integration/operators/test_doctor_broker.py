"""What the doctor sees of a real broker: its version, its syncs, its clock, and streams that are full or otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from allocation.adapters.jetstream.api import ask
from allocation.adapters.jetstream.streams import stored_at
from allocation.connections import event_configuration, inbound_configuration
from allocation.operators import consumer
from allocation.operators.broker import connected
from allocation.operators.doctor import broker as doctor_broker
from allocation.operators.doctor import examination
from allocation.operators.doctor.backlog import check_copies, check_events
from allocation.operators.doctor.broker import look_at_broker
from allocation.operators.doctor.examination import look
from allocation.operators.doctor.streams import check_broker, check_fill, check_streams
from allocation.settings import Settings
from tests.integration.operators.ledger import forge, keep_books
from tests.nats_server import NatsServer
from tests.ports import free_port
from tests.unit.operators.patients import bad
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from allocation.adapters.jetstream.connection import BrokerConnection
    from allocation.operators.doctor.patient import Patient

SMALL = 1 << 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A running broker with an empty store."""
    with NatsServer(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def settings(server: NatsServer, tmp_path: Path) -> Settings:
    """Settings of a service that was never started, on that broker, with small streams."""
    return Settings(
        data_folder=str(tmp_path / "data"),
        nats_urls=server.url,
        admin_port=free_port(),
        inbound_stream_bytes_max=SMALL,
        event_stream_bytes_max=SMALL,
    )


async def create(connection: BrokerConnection, settings: Settings, **otherwise: Any) -> None:  # noqa: ANN401 - as JetStream takes it
    inbound, events = inbound_configuration(settings), event_configuration(settings)
    await ask(connection, f"STREAM.CREATE.{inbound.name}", inbound.stream() | otherwise)
    await ask(connection, f"STREAM.CREATE.{events.name}", events.stream())
    question = {"stream_name": inbound.name, "config": inbound.consumer()}
    await ask(connection, f"CONSUMER.CREATE.{inbound.name}.{inbound.consumer_name}", question)


async def examined(settings: Settings) -> Patient:
    return await look(settings, thorough=False)


async def test_a_broker_without_streams_is_well_before_the_first_start(settings: Settings) -> None:
    patient = await examined(settings)
    assert patient.broker is not None
    assert (patient.broker.inbound, patient.broker.events, patient.broker.consumer) == (None, None, None)
    assert patient.broker.version.startswith("2.")
    assert bad(check_streams(patient)) == bad(check_broker(patient)) == []


async def test_streams_as_the_service_makes_them_are_well(settings: Settings) -> None:
    async with connected(settings) as connection:
        await create(connection, settings)
    patient = await examined(settings)
    assert bad(check_streams(patient)) == bad(check_fill(patient)) == []
    assert patient.broker is not None
    assert abs(patient.broker.clock_offset_seconds) < 1


async def test_a_stream_that_fills_up_is_seen(settings: Settings) -> None:
    async with connected(settings) as connection:
        await create(connection, settings)
        stream = connection.client().jetstream()
        for _ in range(7):
            await stream.publish("order.placed", b"x" * (SMALL // 10))
        assert [level for level, _ in bad(check_fill(await examined(settings)))] == ["warning"]
        for _ in range(2):
            await stream.publish("order.placed", b"x" * (SMALL // 10))
    ((level, said),) = bad(check_fill(await examined(settings)))
    assert level == "error"
    assert said.startswith("stream ALLOCATION_INBOUND holds ")


async def test_a_stream_in_memory_is_an_error(settings: Settings) -> None:
    async with connected(settings) as connection:
        await create(connection, settings, storage="memory")
    ((level, said),) = bad(check_streams(await examined(settings)))
    assert (level, "storage: ours file, theirs memory" in said) == ("error", True)


async def test_the_oldest_message_that_nobody_acknowledged_is_found_with_its_age(settings: Settings) -> None:
    async with connected(settings) as connection:
        await create(connection, settings)
        stream = connection.client().jetstream()
        assert (await look_at_broker(connection, settings, None)).oldest_unacknowledged is None
        for _ in range(3):
            await stream.publish("order.placed", b"x")
        first = (await look_at_broker(connection, settings, None)).oldest_unacknowledged
        subscription = await stream.pull_subscribe_bind("allocation", "ALLOCATION_INBOUND")
        (message,) = await subscription.fetch(1)
        await message.ack_sync()

        async def is_later() -> bool:
            second = (await look_at_broker(connection, settings, None)).oldest_unacknowledged
            return second is not None and first is not None and second > first

        await eventually(is_later)


async def test_a_stream_that_holds_our_subjects_under_another_name_is_examined_in_its_place(settings: Settings) -> None:
    async with connected(settings) as connection:
        theirs = {"name": "COMPANY", "subjects": list(inbound_configuration(settings).subjects), "discard": "new"}
        await ask(connection, "STREAM.CREATE.COMPANY", theirs)
    patient = await examined(settings)
    assert patient.broker is not None
    assert patient.broker.inbound is not None
    assert patient.broker.inbound["config"]["name"] == "COMPANY"
    assert bad(check_streams(patient)) == []


@pytest.mark.parametrize("always", [True, False])
async def test_syncs_are_seen_at_the_monitoring_port(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    always: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    port = free_port()
    monkeypatch.setattr(doctor_broker, "_MONITOR_PORT", port)
    store = "" if always else "sync_interval: 2m"
    with NatsServer(tmp_path, settings=f'http: "127.0.0.1:{port}"', jetstream_settings=store) as server:
        settings = Settings(nats_urls=server.url, data_folder=str(tmp_path / "data"), admin_port=free_port())
        patient = await examined(settings)
    assert patient.broker is not None
    assert patient.broker.syncs_always is always
    assert [level for level, _ in bad(check_broker(patient))] == ([] if always else ["error"])


async def test_syncs_of_a_broker_without_a_monitoring_port_cannot_be_seen(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_broker, "_MONITOR_PORT", free_port())
    patient = await examined(settings)
    assert patient.broker is not None
    assert patient.broker.syncs_always is None


async def test_the_configuration_of_another_broker_in_the_folder_proves_nothing(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "broker.conf").write_text(json.dumps({"server_name": "other", "jetstream": {"sync_interval": "always"}}))
    async with connected(settings) as connection:
        assert not (await look_at_broker(connection, settings, tmp_path)).is_embedded


@pytest.mark.parametrize("is_published_meanwhile", [True, False])
async def test_what_is_published_while_the_doctor_looks_makes_no_older_copy(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_published_meanwhile: bool
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    await keep_books(folder)
    inspected = examination._inspection  # noqa: SLF001 - what happens between two looks is to be seen
    async with connected(settings) as connection:
        await create(connection, settings)
        stream = event_configuration(settings).name
        created = (await ask(connection, f"STREAM.INFO.{stream}"))["created"]
        columns = "(name, created_at, incarnation, last_sequence)"
        forge(folder, f"INSERT INTO streams {columns} VALUES ('{stream}', '{created}', 1, 1)")  # noqa: S608 - ours

        async def later(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - as it is called
            if is_published_meanwhile:
                await connection.client().jetstream().publish("allocation.allocated", b"")
            return await inspected(*given, **named)

        monkeypatch.setattr(examination, "_inspection", later)
        found = bad(check_copies(await examined(settings)))
    assert [level for level, said in found if stream in said] == ([] if is_published_meanwhile else ["warning"])


@pytest.mark.parametrize("seconds_apart", [0, 60])
async def test_an_older_copy_that_has_grown_since_is_known_by_its_message(
    settings: Settings, tmp_path: Path, seconds_apart: int
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    await keep_books(folder)
    async with connected(settings) as connection:
        await create(connection, settings)
        await connection.client().jetstream().publish("order.placed", b"x")
        name = inbound_configuration(settings).name
        created = (await ask(connection, f"STREAM.INFO.{name}"))["created"]
        consumed = (await stored_at(connection, name, 1) or 0) + seconds_apart * 1_000_000
        columns = "(name, created_at, incarnation, last_sequence, last_stored_at)"
        forge(folder, f"REPLACE INTO streams {columns} VALUES ('{name}', '{created}', 1, 1, {consumed})")  # noqa: S608 - ours
        found = [said for _, said in bad(check_copies(await examined(settings))) if name in said]
        status = await consumer.status(settings)
    assert len(found) == len(status.findings) == (1 if seconds_apart else 0)


async def test_the_events_of_log_and_stream_are_compared_if_there_is_time(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    await keep_books(folder)
    forge(folder, "DELETE FROM outbox")
    async with connected(settings) as connection:
        await create(connection, settings)
        assert bad(check_events(await examined(settings))) == []
        lacks = bad(check_events(await look(settings, thorough=True)))
        strange = {"ce-id": "nobody's", "Nats-Msg-Id": "nobody's"}
        await connection.client().jetstream().publish("allocation.allocated", b"", headers=strange)
        lacks_and_holds = bad(check_events(await look(settings, thorough=True)))
    assert [(level, "lacks" in said) for level, said in lacks] == [("error", True)]
    assert [(level, "holds 1 events that the log does not" in said) for level, said in lacks_and_holds] == [
        ("error", False),
        ("warning", True),
    ]


@pytest.mark.parametrize("published", ["the-last", "another"])
async def test_an_older_copy_of_the_event_stream_is_known_by_its_event(
    settings: Settings, tmp_path: Path, published: str
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    await keep_books(folder)
    async with connected(settings) as connection:
        await create(connection, settings)
        await connection.client().jetstream().publish("allocation.allocated", b"", headers={"ce-id": "the-last"})
        name = event_configuration(settings).name
        created = (await ask(connection, f"STREAM.INFO.{name}"))["created"]
        columns = "(name, created_at, incarnation, last_sequence, last_event_id)"
        forge(folder, f"REPLACE INTO streams {columns} VALUES ('{name}', '{created}', 1, 1, '{published}')")  # noqa: S608 - ours
        found = [said for _, said in bad(check_copies(await examined(settings))) if name in said]
    assert len(found) == (published == "another")


async def test_a_comparison_that_was_asked_for_and_is_not_possible_is_warned_of(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    await keep_books(folder)
    forge(folder, "DELETE FROM outbox", "UPDATE events SET occurred_at = 4611686018427387904 WHERE position = 1")
    async with connected(settings) as connection:
        await create(connection, settings)
    ((level, said),) = bad(check_events(await look(settings, thorough=True)))
    assert (level, said.startswith("the events of log and stream could not be compared: ")) == ("warning", True)
