"""What becomes of a command that changes something, and does not come to its end: what was done until then is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from threading import Event
from typing import TYPE_CHECKING, Any

import nats
import pytest

from allocation.adapters.data_folder import DataFolder
from allocation.contract.outward import OUTBOUND_SUBJECTS
from tests.e2e.operators.command_line import run_command
from tests.e2e.operators.door import dies, open_door
from tests.e2e.operators.forking import ForkedProcess
from tests.integration.operators.ledger import forge, keep_books
from tests.nats_server import NatsServer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.operators.door import Door

PORTION = 100
PLACES = [f"S/1/{sequence}" for sequence in range(1, 151)]
REST = "of 50 nothing is known, up to 50 more may have been done: do it again, what has ended stays as it is"
INTERRUPTED = 130
ENDS_WITHIN_SECONDS = 30


def beside(door: Door, **settings: object) -> dict[str, str]:
    """Answer the environment of a command that finds this door; the store, if none is named, is one that only it sees."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ALLOCATION_")}
    given = {"database_url": "memory:"} | settings | {"admin_port": door.port}
    return inherited | {f"ALLOCATION_{name.upper()}": str(value) for name, value in given.items()}


def test_what_was_replayed_before_the_service_died_is_told() -> None:
    with open_door(dies) as door:
        ended = run_command("parked", "replay", *PLACES, environment=beside(door))
    assert (ended.returncode, len(ended.stdout.splitlines())) == (1, PORTION)
    assert ended.stderr.splitlines() == [
        "allocation: the service did not answer, and whether it did it is not known: Socket closed (UNAVAILABLE)",
        f"100 replayed: 100 applied; {REST}.",
    ]


def test_what_was_replayed_before_the_service_died_is_told_to_machines() -> None:
    with open_door(dies) as door:
        ended = run_command("parked", "replay", *PLACES, "--json", environment=beside(door))
    told = json.loads(ended.stdout)
    assert (ended.returncode, len(told["replays"]), told["still_parked"]) == (1, PORTION, 0)
    assert (told["not_reached"], told["unanswered"]) == (50, 50)


@pytest.mark.parametrize("as_json", [True, False])
def test_what_was_discarded_before_the_service_died_is_told(*, as_json: bool) -> None:
    with open_door(dies) as door:
        options = ["--reason", "old", *(["--json"] if as_json else [])]
        ended = run_command("parked", "discard", *PLACES, *options, environment=beside(door))
    assert ended.returncode == 1
    if as_json:
        told: dict[str, Any] = {"discarded": PORTION, "ended_before": 0, "not_reached": 50, "unanswered": 50, "reason": "old"}
        assert json.loads(ended.stdout) == told | {"others": None}
    else:
        assert ended.stderr.splitlines()[-1].startswith(f"100 discarded; {REST}.")


@pytest.mark.parametrize("as_json", [True, False])
async def test_what_was_mended_before_the_service_died_is_told(tmp_path: Path, *, as_json: bool) -> None:
    await keep_books(tmp_path)
    forge(tmp_path, "UPDATE products SET waiting_lines = waiting_lines + 7 WHERE sku IN ('LAMP', 'RUG')")
    with DataFolder(tmp_path), open_door(dies) as door:
        environment = beside(door, data_folder=tmp_path, database_url="")
        ended = run_command("verify", "--repair", "--yes", *(["--json"] if as_json else []), environment=environment)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    if as_json:
        told = json.loads(ended.stdout)
        assert told["repaired"] == [{"sku": "LAMP", "changes": ["LAMP was mended"], "refusals": []}]
        assert (len(told["before"]["disagreements"]), told["after"]) == (2, None)
    else:
        assert ended.stdout.endswith("LAMP:\n  changed    LAMP was mended\nOf 1 product nothing is known: do it again.\n")


async def test_a_product_may_have_been_mended_though_nobody_answered(tmp_path: Path) -> None:
    await keep_books(tmp_path)
    forge(tmp_path, "UPDATE products SET waiting_lines = waiting_lines + 7 WHERE sku IN ('LAMP', 'RUG')")
    with DataFolder(tmp_path), open_door(dies) as door:
        door.carry_out_nothing()
        environment = beside(door, data_folder=tmp_path, database_url="")
        ended = run_command("verify", "--repair", "--yes", "--json", environment=environment)
    told = json.loads(ended.stdout)
    assert (ended.returncode, told["repaired"], told["after"]) == (1, [], None)


async def test_what_was_queued_before_the_service_died_is_told(tmp_path: Path) -> None:
    await keep_books(tmp_path)
    public = "INSERT INTO events (event_id, type, sku, subject, payload, occurred_at, correlation_id, causation_id)"
    numbered = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
    values = "SELECT 'id-' || i, 'stock.allocation.v1.Rejected', 'RUG', 'allocation.rejected', x'', 0, '', '' FROM n"
    forge(tmp_path, "UPDATE events SET subject = NULL", "DELETE FROM outbox", f"{public} {numbered} {values}")
    with NatsServer(tmp_path / "broker") as broker:
        client = await nats.connect(broker.url)
        await client.jetstream().add_stream(name="ALLOCATION_EVENTS", subjects=list(OUTBOUND_SUBJECTS))
        await client.close()
        with DataFolder(tmp_path), open_door(dies) as door:
            environment = beside(door, data_folder=tmp_path, database_url="", nats_urls=broker.url)
            ended = run_command("outbox", "re-emit", "--yes", environment=environment)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines() == [
        "allocation: the service did not answer, and whether it did it is not known: Socket closed (UNAVAILABLE)",
        "1000 of 1,500 events are in the outbox, and go out, up to 500 more may be: allocation outbox status",
    ]


@pytest.mark.parametrize("command", [["replay"], ["discard", "--reason", "old"]])
def test_what_was_not_answered_may_have_been_done_and_that_is_told(command: list[str]) -> None:
    with open_door(dies) as door:
        door.carry_out_nothing()
        to_people = run_command("parked", *command, *PLACES, environment=beside(door))
        to_machines = run_command("parked", *command, *PLACES, "--json", environment=beside(door))
    said = "of 150 nothing is known, up to 100 more may have been done: do it again, what has ended stays as it is."
    assert (to_people.returncode, to_people.stdout) == (1, "")
    assert to_people.stderr.splitlines()[-1] == f"0 {command[0]}ed; {said}"
    told = json.loads(to_machines.stdout)
    assert (to_machines.returncode, told["not_reached"], told["unanswered"]) == (1, 150, 100)


def test_nothing_is_told_of_what_was_not_begun() -> None:
    with open_door(dies) as door:
        environment = beside(door)
    for command in (["replay", "--json"], ["discard", "--reason", "old"]):
        ended = run_command("parked", *command, *PLACES, environment=environment)
        assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1), ended.stderr
        assert "nothing answers on 127.0.0.1:" in ended.stderr


@pytest.mark.parametrize("portions", [0, 1])
def test_ctrl_c_ends_it_with_what_was_done_until_then(tmp_path: Path, portions: int) -> None:
    waits, ended = Event(), Event()

    def waiting(_context: object) -> None:
        waits.set()
        ended.wait(ENDS_WITHIN_SECONDS)

    output, errors = tmp_path / "output", tmp_path / "errors"
    with open_door(waiting) as door:
        if not portions:
            door.carry_out_nothing()
        process = ForkedProcess(["parked", "replay", *PLACES], beside(door), output=output, errors=errors)
        assert waits.wait(ENDS_WITHIN_SECONDS)
        process.send_signal(signal.SIGINT)
        assert process.wait(ENDS_WITHIN_SECONDS) == INTERRUPTED
        ended.set()
    nothing = f"0 replayed; {REST.replace('of 50', 'of 150').replace('to 50', 'to 100')}."
    told = f"100 replayed: 100 applied; {REST}." if portions else nothing
    assert errors.read_text().splitlines() == ["allocation: interrupted", told]


def test_a_reader_who_goes_away_ends_it_with_what_was_done_until_then() -> None:
    waits, gone = Event(), Event()

    def waiting(_context: object) -> None:
        waits.set()
        gone.wait(ENDS_WITHIN_SECONDS)

    with open_door(waiting) as door:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "allocation", "parked", "replay", *PLACES],
            env=beside(door),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline().startswith("S/1/1  applied")
        assert waits.wait(ENDS_WITHIN_SECONDS)
        process.stdout.close()
        gone.set()
        assert process.stderr is not None
        said = process.stderr.read()
        process.stderr.close()
        assert process.wait(ENDS_WITHIN_SECONDS) == 1
    # The first that could not be told of was done, too.
    rest = REST.replace("50", "49")
    assert said.splitlines() == ["allocation: whoever read the output is gone", f"101 replayed: 101 applied; {rest}."]
