"""`allocation verify`: after some trade the books agree, with the service running or not; what was tampered with is mended."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from stock.allocation.v1 import allocation_service_pb2 as messages

from tests.e2e.command import complaint_of
from tests.e2e.operators.command_line import run_command
from tests.e2e.operators.forked_service import ForkedService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

MISCOUNT = "UPDATE batches SET allocated_quantity = allocated_quantity - 1 WHERE reference = 'rugs'"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ForkedService]:
    """A service with some lines, a few of which lost their batch."""
    with ForkedService(tmp_path) as process:
        process.start()
        with process.stub() as stub:
            for reference, sku in (("rugs", "RUG"), ("spare", "RUG"), ("lamps", "LAMP")):
                stub.CreateBatch(messages.CreateBatchRequest(batch_reference=reference, sku=sku, purchased_quantity=20))
            for number in range(30):
                stub.Allocate(messages.AllocateRequest(order_id=f"o{number}", sku="RUG" if number % 3 else "LAMP", quantity=2))
            stub.ChangeBatchQuantity(messages.ChangeBatchQuantityRequest(batch_reference="rugs", quantity=5))
        yield process


def verify(service: ForkedService, *arguments: str) -> CompletedProcess[str]:
    return run_command("verify", *arguments, environment=service.environment())


def tamper(service: ForkedService, statement: str) -> None:
    with closing(sqlite3.connect(service.database, isolation_level=None, timeout=10)) as connection:
        connection.execute(statement)


def check_found(ended: CompletedProcess[str], *kinds: str) -> None:
    assert ended.returncode == 3, ended.stderr
    assert [found["kind"] for found in json.loads(ended.stdout)["disagreements"]] == list(kinds)


def test_while_the_service_runs_and_while_it_is_stopped(service: ForkedService) -> None:
    ended = verify(service)
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "All books agree.")
    tamper(service, MISCOUNT)
    check_found(verify(service, "--json"), "batch_allocated_quantity")

    mended = verify(service, "--repair", "--yes")
    assert mended.returncode == 0, mended.stdout
    assert "batch_allocated_quantity  RUG\n  what       batch 'rugs': allocated_quantity\n" in mended.stdout
    assert "next       allocation verify --repair" in mended.stdout
    assert "  changed    batch 'rugs': allocated_quantity was 3, is 4\n" in mended.stdout
    assert mended.stdout.splitlines()[-1] == "All books agree."

    service.interrupt()
    tamper(service, MISCOUNT)
    tamper(service, "INSERT INTO outbox VALUES (9999)")
    mended = verify(service, "--repair", "--yes", "--json")
    report = json.loads(mended.stdout)
    assert mended.returncode == 3
    assert report["repaired"][0]["changes"] == ["batch 'rugs': allocated_quantity was 3, is 4"]
    (left,) = report["after"]["disagreements"]
    assert (left["kind"], left["is_repairable"]) == ("outbox_without_event", False)
    assert left["next"].endswith("'DELETE FROM outbox WHERE position = 9999'")
    assert str(service.database) in left["next"]


def test_machines_read_the_same_keys_whether_something_can_be_mended_or_not(service: ForkedService) -> None:
    def report(status: int) -> dict[str, Any]:
        ended = verify(service, "--repair", "--yes", "--json")
        assert ended.returncode == status, ended.stderr
        told: dict[str, Any] = json.loads(ended.stdout)
        return told

    well = report(0)
    assert (set(well), well["repaired"], well["after"]) == ({"before", "repaired", "after"}, [], well["before"])
    tamper(service, "INSERT INTO outbox VALUES (9999)")
    left = report(3)
    assert (set(left), left["repaired"], left["after"]["disagreements_total"]) == (set(well), [], 1)
    tamper(service, "DELETE FROM outbox WHERE position = 9999")
    tamper(service, MISCOUNT)
    assert set(report(0)) == set(well)


def test_what_was_forgotten_by_age_is_told_with_instants(service: ForkedService) -> None:
    for book, through in (("events", 7), ("inbox", 1_767_225_600_000_000)):
        tamper(service, f"INSERT INTO truncations VALUES ('{book}', 1, {through}, 1767225600000000)")  # noqa: S608 - ours
    told = {one["table"]: one for one in json.loads(verify(service, "--json").stdout)["truncated"]}
    noon = "2026-01-01T00:00:00Z"
    assert told == {
        "events": {"table": "events", "rows": 1, "through": None, "through_position": 7, "truncated_at": noon},
        "inbox": {"table": "inbox", "rows": 1, "through": noon, "through_position": None, "truncated_at": noon},
    }


def test_nothing_is_mended_without_a_last_word(service: ForkedService) -> None:
    tamper(service, MISCOUNT)
    ended = verify(service, "--repair")
    assert ended.returncode == 2
    assert "--yes" in ended.stderr
    check_found(verify(service, "--json"), "batch_allocated_quantity")


def test_without_a_database_it_says_so_in_one_line(tmp_path: Path) -> None:
    complaint = complaint_of(verify(ForkedService(tmp_path)))
    assert complaint.startswith("there is no database ")
