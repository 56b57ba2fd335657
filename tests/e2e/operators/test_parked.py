"""`allocation parked`, through the real command line: against a service that runs, and on what one left behind."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Any

import nats
import pytest
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged

from tests.e2e.command import ENDS_WITHIN_SECONDS, complaint_of
from tests.e2e.operators.command_line import answer_command, run_command, run_on_a_terminal
from tests.e2e.operators.forked_service import ForkedService
from tests.e2e.operators.forking import ForkedProcess
from tests.e2e.publishing import publish, set_aside
from tests.e2e.random_refs import random_batch_reference, random_sku
from tests.waiting import eventually, wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

    from nats.aio.client import Client

STILL_PARKED = 3
WRONG_USAGE = 2


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedService]:
    """A service of these tests' own."""
    settings = {"unknown_wait_seconds": 0.1}
    with ForkedService(tmp_path_factory.mktemp("parked"), settings=settings) as process:
        yield process.start()


@pytest.fixture
async def client(running: ForkedService) -> AsyncIterator[Client]:
    """A publisher."""
    connected = await nats.connect(running.nats_url, allow_reconnect=False)
    yield connected
    await connected.close()


def parked(service: ForkedService, *arguments: str) -> CompletedProcess[str]:
    return run_command("parked", *arguments, environment=service.environment())


def as_json(service: ForkedService, *arguments: str, status: int = 0) -> Any:  # noqa: ANN401 - JSON
    ended = parked(service, *arguments, "--json")
    assert ended.returncode == status, ended.stderr
    return json.loads(ended.stdout)


async def park_quantity(service: ForkedService, client: Client, batch: str, quantity: int) -> str:
    """Publish a quantity of a batch that does not exist, and answer its place once it is parked."""
    event = BatchQuantityChanged(batch_reference=batch, quantity=quantity)
    sequence = await publish(client, "batch.quantity.changed", event.SerializeToString())
    await set_aside(service, sequence)
    return f"ALLOCATION_INBOUND/1/{sequence}"


async def park_quantities(service: ForkedService, client: Client, batch: str, quantities: Iterable[int]) -> list[str]:
    """Publish one after the other, and answer the places once all are parked."""
    events = [BatchQuantityChanged(batch_reference=batch, quantity=quantity) for quantity in quantities]
    sequences = [await publish(client, "batch.quantity.changed", event.SerializeToString()) for event in events]
    for sequence in sequences:
        await set_aside(service, sequence)
    return [f"ALLOCATION_INBOUND/1/{sequence}" for sequence in sequences]


async def park_bytes(service: ForkedService, client: Client, payload: bytes, headers: dict[str, str] | None = None) -> str:
    sequence = await publish(client, "batch.created", payload, headers)
    await set_aside(service, sequence)
    return f"ALLOCATION_INBOUND/1/{sequence}"


def create(service: ForkedService, batch: str) -> None:
    with service.stub() as stub:
        stub.CreateBatch(messages.CreateBatchRequest(batch_reference=batch, sku=random_sku(), purchased_quantity=20))


def change(service: ForkedService, batch: str, quantity: int) -> None:
    with service.stub() as stub:
        stub.ChangeBatchQuantity(messages.ChangeBatchQuantityRequest(batch_reference=batch, quantity=quantity))


def quantity_of(service: ForkedService, batch: str) -> int:
    with service.stub() as stub:
        return int(stub.GetBatch(messages.GetBatchRequest(batch_reference=batch)).batch.purchased_quantity)


async def test_parked_messages_are_listed_by_their_reason(running: ForkedService, client: Client) -> None:
    batch = random_batch_reference()
    first, second = [await park_quantity(running, client, batch, quantity) for quantity in (5, 8)]
    broken = await park_bytes(running, client, b"\xff")
    listed = parked(running, "list", "--limit", "1000")
    assert listed.returncode == 0
    assert "unknown_batch: " in listed.stdout
    for line in (
        f"  {first}  batch.quantity.changed  ",
        f"  {second}  batch.quantity.changed  ",
        f"  {broken}  batch.created ",
    ):
        assert line in listed.stdout
    assert "payload: 1 bytes that are no stock.allocation.v1.BatchCreated" in listed.stdout
    assert f"  {batch}\n" in listed.stdout

    found = as_json(running, "list", "--batch", batch, "--limit", "1")
    (group,) = found["groups"]
    assert (group["reason"], group["count"], group["subjects"]) == ("unknown_batch", 2, ["batch.quantity.changed"])
    assert group["first_parked_at"] <= group["last_parked_at"]
    assert [message["place"] for message in found["messages"]] == [first]
    assert (found["total"], found["not_shown"]) == (2, 1)
    assert found["messages"][0]["message"] == {"batch_reference": batch, "quantity": 5}


async def test_parked_messages_are_found_by_subject_reason_and_time(running: ForkedService, client: Client) -> None:
    broken = await park_bytes(running, client, b"\xff\x00")

    def places(*options: str) -> list[str]:
        return [message["place"] for message in as_json(running, "list", "--limit", "1000", *options)["messages"]]

    assert broken in places("--subject", "batch.created", "--parked-as", "malformed", "--since", "1h")
    assert broken not in places("--subject", "order.placed", "--until", "2999-01-01")
    assert places("--until", "1h") == []


@pytest.mark.parametrize(
    "options", [("--subject", "order.palced"), ("--batch", "no-such-batch"), ("--until", "1h"), ("--parked-as", "wrong_type")]
)
async def test_where_nothing_matches_the_others_are_counted(
    running: ForkedService, client: Client, options: tuple[str, ...]
) -> None:
    await park_bytes(running, client, b"\xff\x03")
    others = as_json(running, "list", "--limit", "1")["total"]
    said = f"Nothing that is parked matches; {others} other{'s are' if others > 1 else ' is'} parked.\n"
    for command in (("list",), ("replay", "--yes"), ("discard", "--yes", "--reason", "misspelt")):
        assert parked(running, *command, *options).stdout == said
        assert as_json(running, *command, *options)["others"] == others
    assert as_json(running, "list")["others"] is None
    assert as_json(running, "list", "--limit", "1")["total"] == others, "nothing was done"


async def test_a_parked_message_is_shown_whole_with_what_to_do_about_it(running: ForkedService, client: Client) -> None:
    headers = {"ce-source": "/purchasing", "ce-id": "note-\x1b[31m7"}
    place = await park_bytes(running, client, b"\xff\x00not protobuf", headers)
    shown = parked(running, "show", place).stdout
    assert "  reason      malformed\n" in shown
    assert "000000  ff 00 6e 6f 74 20 70 72 6f 74 6f 62 75 66" in shown
    assert "..not protobuf" in shown
    assert "\x1b" not in shown, "what a publisher sent does not steer the operator's terminal"
    assert "note-\\x1b[31m7" in shown
    assert f"allocation parked discard {place} --reason '...'" in shown

    known = as_json(running, "show", place)
    assert (known["place"], known["message"], known["ending"]) == (place, None, None)
    assert base64.b64decode(known["payload"]) == b"\xff\x00not protobuf"
    assert known["headers"] == headers


async def test_an_undecided_quantity_is_shown_with_the_batch_that_it_waits_for(running: ForkedService, client: Client) -> None:
    batch = random_batch_reference()
    place = await park_quantity(running, client, batch, 5)
    shown = parked(running, "show", place).stdout
    assert "bytes, a stock.allocation.v1.BatchQuantityChanged" in shown
    assert f'"batch_reference": "{batch}"' in shown
    assert f"When batch {batch!r} exists, replay it" in shown
    assert f"    allocation parked replay {place}\n" in shown


async def test_quantities_are_replayed_in_their_order_once_their_batch_exists(running: ForkedService, client: Client) -> None:
    batch = random_batch_reference()
    first, second = [await park_quantity(running, client, batch, quantity) for quantity in (5, 8)]
    too_early = parked(running, "replay", second, first)
    assert too_early.returncode == STILL_PARKED
    assert f"{first}  still_parked: its batch is unknown" in too_early.stdout

    create(running, batch)
    replayed = as_json(running, "replay", "--batch", batch, "--yes")
    assert [(one["place"], one["outcome"]) for one in replayed["replays"]] == [(first, "applied"), (second, "applied")]
    assert replayed["still_parked"] == 0
    assert quantity_of(running, batch) == 8

    again = parked(running, "replay", first)
    assert (again.returncode, f"{first}  not_parked: it ended before" in again.stdout) == (0, True)
    endings = [message["ending"]["outcome"] for message in as_json(running, "list", "--batch", batch, "--all")["messages"]]
    assert endings == ["applied", "applied"]


@pytest.mark.parametrize("door", ["the stream", "an RPC"])
async def test_a_replay_that_a_newer_quantity_has_overtaken_is_superseded(
    running: ForkedService, client: Client, door: str
) -> None:
    batch = random_batch_reference()
    place = await park_quantity(running, client, batch, 5)
    create(running, batch)
    if door == "an RPC":
        change(running, batch, 9)
    else:
        event = BatchQuantityChanged(batch_reference=batch, quantity=9)
        await publish(client, "batch.quantity.changed", event.SerializeToString())
        await settle(running, batch, 9)
    replayed = parked(running, "replay", place)
    assert replayed.returncode == 0
    assert replayed.stdout == (
        f"{place}  superseded: a newer quantity of its batch has overtaken it: nothing changed\n1 replayed: 1 superseded.\n"
    )
    assert quantity_of(running, batch) == 9


async def settle(service: ForkedService, batch: str, quantity: int) -> None:
    await eventually(lambda: quantity_of(service, batch) == quantity)


async def test_a_discarded_message_keeps_its_reason(running: ForkedService, client: Client) -> None:
    place = await park_bytes(running, client, b"\xff\x01")
    discarded = parked(running, "discard", place, "--reason", "  sent by a test of the warehouse ")
    assert (discarded.returncode, discarded.stdout.startswith("1 discarded.")) == (0, True)
    assert place not in parked(running, "list", "--limit", "1000").stdout
    listed = parked(running, "list", "--limit", "1000", "--all").stdout
    assert ": sent by a test of the warehouse\n" in listed
    again = parked(running, "discard", place, "--reason", "once more")
    assert again.stdout.startswith("0 discarded; 1 had ended before.")
    ending = as_json(running, "show", place)["ending"]
    assert (ending["outcome"], ending["detail"]) == ("discarded", "sent by a test of the warehouse")


async def test_what_has_ended_is_found_by_how_it_ended(running: ForkedService, client: Client) -> None:
    batch = random_batch_reference()
    first, second, third = await park_quantities(running, client, batch, (5, 8, 9))
    assert parked(running, "discard", first, "--reason", "counted wrongly").returncode == 0
    create(running, batch)
    assert parked(running, "replay", second).returncode == 0

    def ended_as(outcome: str) -> list[str]:
        return [one["place"] for one in as_json(running, "list", "--batch", batch, "--ended-as", outcome)["messages"]]

    assert (ended_as("discarded"), ended_as("applied")) == ([first], [second])
    assert [one["place"] for one in as_json(running, "list", "--batch", batch)["messages"]] == [third]
    others = as_json(running, "list", "--all")["total"]
    nothing = parked(running, "list", "--batch", batch, "--ended-as", "rejected")
    assert nothing.stdout == f"Nothing that is or was parked matches; {others} others were parked.\n"


async def test_what_has_ended_is_told_from_what_is_parked_when_it_is_delivered_again(
    running: ForkedService, client: Client
) -> None:
    batch = random_batch_reference()
    replayed, discarded, waiting = await park_quantities(running, client, batch, (5, 8, 9))
    create(running, batch)
    assert parked(running, "replay", replayed).returncode == 0
    assert parked(running, "discard", discarded, "--reason", "counted wrongly").returncode == 0
    sequences = [int(place.rpartition("/")[2]) for place in (replayed, discarded, waiting)]
    reset = run_command("consumer", "reset", "--from-sequence", str(sequences[0]), "--yes", environment=running.environment())
    assert reset.returncode == 0, reset.stderr

    def told() -> list[tuple[str, str, int]]:
        lines = [json.loads(line) for line in running.log.read_text().splitlines() if '"message ' in line]
        return [(line["level"], line["event"], line["sequence"]) for line in lines if line.get("sequence", 0) in sequences]

    await eventually(lambda: len(told()) >= 2 * len(sequences))
    assert sorted(told()[3:]) == [
        ("info", "message is parked already", sequences[2]),
        ("info", "message was parked before, and has ended", sequences[0]),
        ("info", "message was parked before, and has ended", sequences[1]),
    ]
    assert {one[:2] for one in told()[:3]} == {("warning", "message parked")}


async def test_whoever_sits_at_a_terminal_is_asked_first(running: ForkedService, client: Client) -> None:
    batch = random_batch_reference()
    place = await park_quantity(running, client, batch, 5)
    arguments = ("parked", "discard", "--batch", batch)
    refused = run_on_a_terminal(*arguments, answers="n\n", environment=running.environment())
    assert (refused.returncode, "Discard 1 parked message? [y/N]" in refused.stderr) == (1, True)
    assert as_json(running, "show", place)["ending"] is None
    agreed = answer_command(*arguments, answers="y\nno such batch\n", environment=running.environment())
    assert agreed.returncode == 0, agreed.stderr
    assert as_json(running, "show", place)["ending"]["detail"] == "no such batch"


async def test_what_is_not_named_one_by_one_has_to_be_confirmed(running: ForkedService, client: Client) -> None:
    await park_bytes(running, client, b"\xff\x02")
    ended = parked(running, "replay", "--everything")
    assert (ended.returncode, ended.stdout) == (WRONG_USAGE, "")
    assert "There is no terminal to confirm it on: say --yes" in " ".join(ended.stderr.replace("│", " ").split())


def test_a_place_that_never_was_parked_is_told(running: ForkedService) -> None:
    complaint = complaint_of(parked(running, "replay", "ALLOCATION_INBOUND/7/42"))
    assert complaint == (
        "no message ALLOCATION_INBOUND/7/42 was ever parked; `allocation parked list --all` lists those that were"
    )


def test_without_a_database_it_says_where_it_looked(tmp_path: Path) -> None:
    unstarted = ForkedService(tmp_path)
    complaint = complaint_of(parked(unstarted, "list"))
    assert complaint.startswith(f"there is no database {unstarted.database}; set ALLOCATION_DATA_FOLDER")
    assert not unstarted.data_folder.exists()


async def test_two_operators_at_once_replay_each_message_once(running: ForkedService, client: Client, tmp_path: Path) -> None:
    batch = random_batch_reference()
    places = await park_quantities(running, client, batch, range(1, 151))
    create(running, batch)
    both = [
        ForkedProcess(
            ["parked", "replay", *places, "--json"],
            running.environment(),
            output=tmp_path / f"output-{number}",
            errors=tmp_path / f"errors-{number}",
        )
        for number in range(2)
    ]
    assert [one.wait(ENDS_WITHIN_SECONDS) for one in both] == [0, 0]
    told = [json.loads((tmp_path / f"output-{number}").read_text())["replays"] for number in range(2)]
    outcomes: defaultdict[str, list[str]] = defaultdict(list)
    for one in [*told[0], *told[1]]:
        outcomes[one["place"]].append(one["outcome"])
    # Where both asked for a message before either had ended it, the one who came second is told that it is a repetition.
    assert all(len(both_told) == 2 and both_told.count("applied") == 1 for both_told in outcomes.values()), outcomes
    assert all(set(both_told) <= {"applied", "not_parked", "repeated"} for both_told in outcomes.values())
    assert len(outcomes) == len(places)
    assert quantity_of(running, batch) == 150


async def test_a_service_that_is_killed_while_it_replays_does_it_once_for_all_that(tmp_path: Path) -> None:
    batch = random_batch_reference()
    with ForkedService(tmp_path, settings={"unknown_wait_seconds": 0.1}) as service:
        service.start()
        client = await nats.connect(service.nats_url, allow_reconnect=False)
        places = await park_quantities(service, client, batch, range(1, 251))
        create(service, batch)
        await client.close()
        output = tmp_path / "output"
        replay = ForkedProcess(
            ["parked", "replay", *reversed(places)], service.environment(), output=output, errors=tmp_path / "errors"
        )
        wait_until(lambda: output.exists() and output.stat().st_size > 0)
        service.kill()
        assert replay.wait(ENDS_WITHIN_SECONDS) in (0, 1)
        assert "Traceback" not in (tmp_path / "errors").read_text()

        service.start()
        again = as_json(service, "replay", *places)
        assert {one["outcome"] for one in again["replays"]} <= {"applied", "not_parked"}
        assert quantity_of(service, batch) == 250
        with closing(sqlite3.connect(service.database)) as connection:
            query = "SELECT count(*) FROM events WHERE subject = 'allocation.stock_changed'"
            (announced,) = connection.execute(query).fetchone()
        assert announced == 1 + len(places), "each took effect once"


async def test_a_service_that_is_stopped_left_them_to_be_dealt_with(tmp_path: Path) -> None:
    batch = random_batch_reference()
    with ForkedService(tmp_path, settings={"unknown_wait_seconds": 0.1}) as stopped:
        stopped.start()
        client = await nats.connect(stopped.nats_url, allow_reconnect=False)
        first, second = [await park_quantity(stopped, client, batch, quantity) for quantity in (5, 8)]
        broken = await park_bytes(stopped, client, BatchCreated(batch_reference=batch).SerializeToString())
        create(stopped, batch)
        await client.close()
        assert stopped.interrupt() == 0

        assert as_json(stopped, "list")["total"] == 3
        replayed = as_json(stopped, "replay", "--everything", "--yes", status=STILL_PARKED)
        assert [(one["place"], one["outcome"]) for one in replayed["replays"]] == [
            (first, "applied"),
            (second, "applied"),
            (broken, "still_parked"),
        ]
        assert as_json(stopped, "discard", broken, "--reason", "no sku")["discarded"] == 1
        assert parked(stopped, "list").stdout == "Nothing is parked.\n"

        stopped.start()
        assert quantity_of(stopped, batch) == 8
