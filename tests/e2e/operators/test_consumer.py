"""`allocation consumer`, through the real command line: what it shows; a replay of the stream harms nothing, and mends."""

from __future__ import annotations

import json
import shlex
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import nats
import pytest
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged, OrderPlaced, OrderPlacedLine

from allocation.contract.inward import subject_of
from tests.e2e.command import complaint_of
from tests.e2e.operators.command_line import answer_command, run_command
from tests.e2e.operators.forked_service import ForkedService
from tests.nats_server import NatsServer
from tests.waiting import eventually, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

    from google.protobuf.message import Message

SOMETHING_FOUND = 3
BATCHES = [f"batch-{number}" for number in range(5)]
BEHIND = "the database is behind its consumer: it may be an older copy"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedService]:
    """A service of these tests' own, running."""
    with ForkedService(tmp_path_factory.mktemp("consumer"), settings={"unknown_wait_seconds": 0.1}) as process:
        yield process.start()


def consumer(service: ForkedService, *arguments: str) -> CompletedProcess[str]:
    return run_command("consumer", *arguments, environment=service.environment())


def status(service: ForkedService, expected: int = 0) -> Any:  # noqa: ANN401 - JSON
    ended = consumer(service, "status", "--json")
    assert ended.returncode == expected, ended.stderr
    return json.loads(ended.stdout)


async def publish(url: str, *events: Message) -> int:
    """Publish one after the other, and answer the sequence of the last."""
    client = await nats.connect(url, allow_reconnect=False)
    sequence = 0
    for event in events:
        sequence = (await client.jetstream().publish(subject_of(type(event)), event.SerializeToString())).seq
    await client.close()
    return sequence


async def acknowledged(url: str, sequence: int, unacknowledged: int = 0) -> None:
    """Wait until all was delivered, and acknowledged up to a sequence: the last, but for so many."""
    client = await nats.connect(url, allow_reconnect=False)

    async def is_acknowledged() -> bool:
        info = await client.jetstream().consumer_info("ALLOCATION_INBOUND", "allocation")
        floor = info.ack_floor.stream_seq if info.ack_floor is not None else 0
        return (floor, info.num_pending, info.num_ack_pending) == (sequence, 0, unacknowledged)

    await eventually(is_acknowledged)
    await client.close()


def history() -> list[Message]:
    """Batches, orders that take from them, and quantities that go down and up again; some displaced, one parked."""
    events: list[Message] = [BatchCreated(batch_reference=batch, sku="RUG", purchased_quantity=20) for batch in BATCHES]
    for number in range(12):
        lines = [OrderPlacedLine(line_id=f"line-{n}", sku="RUG", quantity=3 + n) for n in range(2)]
        events.append(OrderPlaced(order_id=f"order-{number}", lines=lines))
        events.append(BatchQuantityChanged(batch_reference=BATCHES[number % 5], quantity=number + 4))
    return [*events, BatchQuantityChanged(batch_reference="nonexistent", quantity=1)]


def quantities(service: ForkedService) -> dict[str, int]:
    with service.stub() as stub:
        found = stub.ListBatches(messages.ListBatchesRequest(sku="RUG")).batches
    return {batch.batch_reference: batch.purchased_quantity for batch in found}


def tables(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Read all that a replay must not change: everything but internal events, and when the inbox was last asked."""
    queries = {name: f"SELECT * FROM {name}" for name in ("products", "batches", "order_lines", "parked_messages", "fences")}  # noqa: S608 - names of this file
    queries |= {name: f"SELECT * FROM {name}" for name in ("outbox", "streams", "internal_commands")}  # noqa: S608 - names of this file
    queries["events"] = "SELECT * FROM events WHERE subject IS NOT NULL"
    queries["inbox"] = "SELECT source, message_id, fingerprint FROM inbox"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
        return {name: sorted(connection.execute(query).fetchall(), key=repr) for name, query in queries.items()}


async def test_the_consumer_is_shown_with_what_waits_longest(tmp_path: Path) -> None:
    with ForkedService(tmp_path, settings={"unknown_wait_seconds": 20}) as service:
        service.start()
        early = BatchQuantityChanged(batch_reference="early", quantity=7)
        sequence = await publish(service.nats_url, BatchCreated(batch_reference="b", sku="RUG", purchased_quantity=1), early)
        await acknowledged(service.nats_url, sequence - 1, unacknowledged=1)
        wait_until(lambda: sequence in [row[3] for row in tables(service.database)["streams"]])
        found = status(service)
        assert (found["stream"], found["consumer"], found["last_sequence"]) == ("ALLOCATION_INBOUND", "allocation", sequence)
        assert (found["delivered"], found["pending"], found["ack_pending"]) == (sequence, 0, 1)
        oldest = found["oldest_unacknowledged"]
        assert (oldest["sequence"], oldest["subject"]) == (sequence, "batch.quantity.changed")
        assert 0 <= oldest["age_seconds"] < 60
        assert (found["database"]["incarnation"], found["findings"]) == (1, [])
        shown = consumer(service, "status").stdout
        assert "stream          ALLOCATION_INBOUND (1 to 2), created 20" in shown
        assert "oldest unacknowledged   sequence 2, batch.quantity.changed, published 20" in shown
        assert "database        has consumed through 2, incarnation 1" in shown


async def test_a_replay_of_the_whole_stream_changes_nothing(service: ForkedService) -> None:
    last = await publish(service.nats_url, *history())
    await acknowledged(service.nats_url, last)
    with service.stub() as stub:
        stub.ChangeBatchQuantity(messages.ChangeBatchQuantityRequest(batch_reference="batch-1", quantity=2))
    wait_until(lambda: not tables(service.database)["outbox"])
    before = tables(service.database)

    arguments = ("consumer", "reset", "--from-sequence", "1")
    asked = answer_command(*arguments, answers="y\n", environment=service.environment())
    assert f"Have stream ALLOCATION_INBOUND (1 to {last}) delivered again from sequence 1 on? [y/N]" in asked.stderr
    assert f"begins again: {last} messages are to be delivered" in asked.stdout
    await acknowledged(service.nats_url, last)
    assert tables(service.database) == before
    assert status(service)["findings"] == []

    assert json.loads(consumer(service, "reset", "--from-time", "1h", "--yes", "--json").stdout) == {
        "stream": "ALLOCATION_INBOUND",
        "consumer": "allocation",
        "pending": last,
    }
    await acknowledged(service.nats_url, last)
    assert tables(service.database) == before


async def test_an_older_copy_of_the_database_catches_up_by_a_reset(service: ForkedService, tmp_path: Path) -> None:
    copied_through = await publish(service.nats_url, *history())
    await acknowledged(service.nats_url, copied_through)
    assert service.interrupt() == 0
    copy = tmp_path / "copy.sqlite3"
    shutil.copy(service.database, copy)

    service.start()
    later = [BatchQuantityChanged(batch_reference=batch, quantity=100 + n) for n, batch in enumerate(BATCHES)]
    last = await publish(service.nats_url, *later)
    await acknowledged(service.nats_url, last)
    right = quantities(service)
    assert right == {batch: 100 + n for n, batch in enumerate(BATCHES)}
    assert service.interrupt() == 0
    for file in service.data_folder.glob(f"{service.database.name}*"):
        file.unlink()
    shutil.copy(copy, service.database)

    service.start()
    command = f"allocation consumer reset --from-sequence {copied_through + 1}"
    warning = await eventually(lambda: logged(service, BEHIND))
    assert warning is not None
    assert (warning["level"], warning["command"]) == ("warning", command)
    (finding,) = status(service, SOMETHING_FOUND)["findings"]
    assert (finding["finding"], finding["command"]) == ("behind", command)
    assert f"messages {copied_through + 1} to {last} were acknowledged" in finding["meaning"]
    assert quantities(service) != right

    reset = run_command(*shlex.split(command)[1:], "--yes", environment=service.environment())
    assert (reset.returncode, f"{len(later)} messages are to be delivered" in reset.stdout) == (0, True)
    await acknowledged(service.nats_url, last)
    assert quantities(service) == right
    assert status(service)["findings"] == []


def logged(service: ForkedService, event: str) -> dict[str, Any] | None:
    """Find a line of the service's log."""
    for line in service.log.read_text().splitlines():
        if event in line:
            found: dict[str, Any] = json.loads(line)
            return found
    return None


async def test_a_stopped_service_finds_the_stream_reset_when_it_starts(tmp_path: Path) -> None:
    with (
        NatsServer(tmp_path / "broker") as broker,
        ForkedService(tmp_path, "serve", settings={"nats_urls": broker.url}) as service,
    ):
        service.start()
        events = [BatchCreated(batch_reference=batch, sku="RUG", purchased_quantity=20) for batch in BATCHES]
        last = await publish(broker.url, *events)
        await acknowledged(broker.url, last)
        assert service.interrupt() == 0
        before = tables(service.database)

        assert status(service)["ack_floor"] == last
        beyond = consumer(service, "reset", "--from-sequence", "7", "--yes")
        assert (beyond.returncode, "7 is beyond the end of stream" in beyond.stderr) == (2, True)
        reset = json.loads(consumer(service, "reset", "--from-sequence", "3", "--yes", "--json").stdout)
        assert reset["pending"] == 3
        found = status(service)
        assert (found["ack_floor"], found["pending"], found["findings"]) == (2, 3, [])
        assert found["oldest_unacknowledged"]["sequence"] == 3

        service.start()
        await acknowledged(broker.url, last)
        assert tables(service.database) == before

        broker.stop()
        complaint = complaint_of(consumer(service, "reset", "--from-sequence", "1", "--yes"))
        assert complaint.startswith(f"no broker at 127.0.0.1:{broker.port}: ")


def test_a_broker_that_is_away_is_told(tmp_path: Path) -> None:
    unstarted = ForkedService(tmp_path)
    complaint = complaint_of(consumer(unstarted, "status"))
    assert complaint.startswith(f"no broker at 127.0.0.1:{unstarted.nats_port}: ")


async def test_a_broker_without_the_stream_is_told_and_left_alone(tmp_path: Path) -> None:
    with NatsServer(tmp_path / "broker") as broker:
        unstarted = ForkedService(tmp_path, settings={"nats_urls": broker.url})
        complaint = complaint_of(consumer(unstarted, "reset", "--from-sequence", "1", "--yes"))
        assert complaint.startswith("the broker has no stream ALLOCATION_INBOUND: the service makes it when it starts")
        client = await nats.connect(broker.url)
        assert await client.jetstream().streams_info() == []
        await client.close()
