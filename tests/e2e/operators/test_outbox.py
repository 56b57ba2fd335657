"""`allocation outbox`: a broker came back from an old copy, and what it has lost goes out again, just that, and once."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import nats
import pytest
from stock.allocation.v1 import allocation_service_pb2 as messages

from tests.e2e.command import complaint_of
from tests.e2e.operators.command_line import run_command
from tests.e2e.operators.forked_service import ForkedService
from tests.faults.evidence import Evidence, count_rows, read_evidence
from tests.nats_server import NatsServer
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

STREAM = "ALLOCATION_EVENTS"


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[ForkedService]:
    """`allocation dev`; not running yet."""
    with ForkedService(tmp_path) as process:
        yield process


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsServer]:
    """A broker of its own; running."""
    with NatsServer(tmp_path / "broker") as server:
        yield server


@pytest.fixture
def serving(tmp_path: Path, broker: NatsServer) -> Iterator[ForkedService]:
    """`allocation serve` on that broker; not running yet."""
    with ForkedService(tmp_path, "serve", settings={"nats_urls": broker.url}) as process:
        yield process


def outbox(service: ForkedService, *arguments: str) -> CompletedProcess[str]:
    return run_command("outbox", *arguments, environment=service.environment())


def answered(service: ForkedService, *arguments: str, status: int = 0) -> dict[str, Any]:
    """Answer the JSON of a command that ends with this status."""
    ended = outbox(service, *arguments, "--json")
    assert ended.returncode == status, ended.stderr + ended.stdout
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


def trade(service: ForkedService, name: str) -> None:
    """A batch, three lines of it, and a shrink that sends one of them elsewhere."""
    with service.stub() as stub:
        for reference in (f"{name}-1", f"{name}-2"):
            stub.CreateBatch(messages.CreateBatchRequest(batch_reference=reference, sku="RUG", purchased_quantity=3))
        for number in range(3):
            stub.Allocate(messages.AllocateRequest(order_id=f"{name}-{number}", sku="RUG", quantity=1))
        stub.ChangeBatchQuantity(messages.ChangeBatchQuantityRequest(batch_reference=f"{name}-1", quantity=1))


def published(service: ForkedService) -> list[str]:
    """Wait until all is published, and answer the ids of the log's public events."""
    wait_until(lambda: count_rows(service.database, "outbox") == 0)
    with closing(sqlite3.connect(service.database)) as connection:
        query = "SELECT event_id FROM events WHERE subject IS NOT NULL ORDER BY position"
        return [row[0] for row in connection.execute(query)]


def check_that_all_is_once_on_the_stream(evidence: Evidence) -> None:
    ids = Counter(stored.headers["ce-id"] for stored in evidence.outgoing)
    assert ids == Counter(event["event_id"] for event in evidence.public_events)


def check_that_a_consumer_arrives_where_the_lines_stand(evidence: Evidence) -> None:
    """Follow the stream as it is, as the contract asks: an event that is not above the last one of its line is ignored."""
    public = {event["event_id"]: message for event, message in evidence.decoded()}
    last: dict[tuple[str, str], Any] = {}
    for stored in evidence.outgoing:
        message = public[stored.headers["ce-id"]]
        if not hasattr(message, "order_id"):
            continue
        line = (message.order_id, message.line_id)
        if line not in last or message.sku_sequence > last[line].sku_sequence:
            last[line] = message
    told = {line: getattr(message, "batch_reference", None) for line, message in last.items()}
    rows = evidence.tables["order_lines"]
    assert told == {(row["order_id"], row["line_id"]): row["batch_reference"] for row in rows}


async def test_a_broker_from_an_old_copy_gets_just_what_it_has_lost(dev: ForkedService, tmp_path: Path) -> None:
    dev.start()
    trade(dev, "before")
    kept = published(dev)
    dev.interrupt()
    store, copy = dev.data_folder / "jetstream", tmp_path / "old-copy"
    shutil.copytree(store, copy)
    dev.start()
    trade(dev, "after")
    lost = published(dev)[len(kept) :]
    dev.interrupt()
    shutil.rmtree(store)
    shutil.copytree(copy, store)
    dev.start()
    trade(dev, "since")
    everything = published(dev)

    found = answered(dev, "verify", status=3)
    assert [event["event_id"] for event in found["missing_events"]] == lost
    assert {event["sku"] for event in found["missing_events"]} == {"RUG"}
    assert (found["missing"], found["twice"], found["unknown"], found["forgotten_by_stream"]) == (len(lost), 0, 0, 0)
    shown = outbox(dev, "verify", "--limit", "1")
    assert shown.returncode == 3
    assert lost[0] in shown.stdout
    assert f"… and {len(lost) - 1} more; --limit {len(lost)} lists all" in shown.stdout
    assert "allocation outbox re-emit" in shown.stdout

    sent = answered(dev, "re-emit", "--yes")
    assert (sent["queued"], sent["service_is_running"], sent["after"]["missing"]) == (len(lost), True, 0)
    assert published(dev) == everything, "nothing new was made for it"
    evidence = await read_evidence(dev.database, dev.nats_url)
    check_that_all_is_once_on_the_stream(evidence)
    check_that_a_consumer_arrives_where_the_lines_stand(evidence)
    assert outbox(dev, "re-emit").stdout == f"Nothing is missing: the stream has {len(everything)} events of the log.\n"


async def test_while_the_service_is_stopped_they_are_queued_and_go_out_at_its_next_start(
    serving: ForkedService, broker: NatsServer, tmp_path: Path
) -> None:
    serving.start()
    trade(serving, "before")
    kept = published(serving)
    broker.stop()
    shutil.copytree(broker.store, tmp_path / "old-copy")
    broker.start()
    trade(serving, "after")
    lost = published(serving)[len(kept) :]
    serving.interrupt()
    broker.stop()
    shutil.rmtree(broker.store)
    shutil.copytree(tmp_path / "old-copy", broker.store)
    broker.start()

    known = outbox(serving, "status")
    assert known.returncode == 0
    assert "The stream is not the one that was published to: it was made anew, or restored from an old copy." in known.stdout
    found = answered(serving, "verify", status=3)
    assert [event["event_id"] for event in found["missing_events"]] == lost
    queued = outbox(serving, "re-emit", "--yes")
    assert queued.returncode == 0
    assert (
        f"{len(lost)} events are in the outbox. The service is stopped: it publishes what waits when it starts."
        in queued.stdout
    )
    waiting = answered(serving, "status")
    assert (waiting["waiting"], waiting["oldest_age_seconds"] > 0) == (len(lost), True)
    assert answered(serving, "verify")["waiting"] == len(lost)

    serving.start()
    published(serving)
    evidence = await read_evidence(serving.database, broker.url)
    check_that_all_is_once_on_the_stream(evidence)
    check_that_a_consumer_arrives_where_the_lines_stand(evidence)


def test_what_an_older_copy_of_the_database_does_not_know_is_found_with_what_to_do(
    serving: ForkedService, tmp_path: Path
) -> None:
    serving.start()
    trade(serving, "before")
    kept = published(serving)
    serving.interrupt()
    copy = shutil.copy(serving.database, tmp_path / "copy.sqlite3")
    serving.start()
    trade(serving, "after")
    unknown = published(serving)[len(kept) :]
    serving.interrupt()
    shutil.copy(copy, serving.database)

    found = answered(serving, "verify", status=3)
    assert (found["missing"], found["unknown"]) == (0, len(unknown))
    assert [event["event_id"] for event in found["unknown_events"]] == unknown
    ((name, advice),) = [(one["finding"], one["next"]) for one in found["findings"]]
    assert name == "unknown"
    assert advice.startswith("have consumers undo what the unknown events told them, forget their numbers, and read the later")
    shown = outbox(serving, "verify")
    assert (shown.returncode, "next      have consumers undo what the unknown events told them" in shown.stdout) == (3, True)


async def test_what_was_purged_is_forgotten_and_the_broker_takes_it_for_a_duplicate_until_it_forgets_the_id(
    serving: ForkedService, broker: NatsServer
) -> None:
    serving.start()
    trade(serving, "before")
    ids = published(serving)
    client = await nats.connect(broker.url)
    await client.jetstream().purge_stream(STREAM)
    await client.close()
    found = answered(serving, "verify")
    assert (found["missing"], found["forgotten_by_stream"]) == (0, len(ids))

    refused = answered(serving, "re-emit", "--yes", "--event-id", ids[0], status=3)
    assert (refused["queued"], refused["not_taken"]) == (1, [ids[0]])

    serving.interrupt()
    broker.restart()
    assert answered(serving, "re-emit", "--yes", "--event-id", ids[0])["service_is_running"] is False
    serving.start()
    published(serving)
    left = answered(serving, "re-emit", "--yes", "--event-id", ids[0])
    assert left["left_out"] == [{"event_id": ids[0], "reason": "it is on the stream"}]
    assert left["before"]["stream"]["messages"] == 1, "a restarted broker remembers the ids of what it holds alone"
    assert left["before"]["missing"] == len(ids) - 1, "what came after an event that is held again was not forgotten by age"


def test_while_the_broker_is_away_what_waits_is_said_all_the_same(serving: ForkedService, broker: NatsServer) -> None:
    serving.start()
    published(serving)
    broker.stop()
    trade(serving, "unheard")
    ended = outbox(serving, "status")
    assert complaint_of(ended).startswith("no broker at 127.0.0.1:")
    assert "waiting   " in ended.stdout
    assert "oldest    20" in ended.stdout
    assert complaint_of(outbox(serving, "verify")).endswith("ALLOCATION_NATS_URLS says where it is")
    serving.kill()  # Stopped in order, it would give the broker its time to come back.


@pytest.mark.parametrize(
    "command",
    [["outbox", "status"], ["outbox", "verify"], ["verify"], ["parked", "list"], ["parked", "replay", "--everything"]],
)
def test_what_is_kept_in_memory_cannot_be_looked_at_from_outside(dev: ForkedService, command: list[str]) -> None:
    dev.settings["database_url"] = "memory:"
    complaint = complaint_of(run_command(*command, environment=dev.environment()))
    assert complaint.startswith("ALLOCATION_DATABASE_URL=memory: keeps everything inside the service: nothing can be looked at")


def test_what_cannot_be_is_said_in_one_line(dev: ForkedService) -> None:
    assert complaint_of(outbox(dev, "status")).startswith("there is no database ")
    dev.start()
    unknown = outbox(dev, "re-emit", "--yes", "--event-id", "no-such-id")
    assert complaint_of(unknown).startswith("the log has no public event 'no-such-id'")
    for arguments in (["verify", "--since", "yesterday"], ["verify", "--limit", "-1"], ["re-emit", "--wait", "x"]):
        assert outbox(dev, *arguments).returncode == 2, arguments
