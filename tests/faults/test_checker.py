"""The checker proves itself: whatever is forged in the records of a good run, it says so."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from typing import TYPE_CHECKING

import pytest

from tests.faults.checker import problems
from tests.faults.evidence import Evidence, Row, Stored
from tests.faults.ledger import Ledger, LineName
from tests.faults.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable

Records = tuple[Evidence, Ledger]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Records:
    """The records of a run in which nothing was broken."""

    async def loaded(scene: Scene) -> Evidence:
        await scene.start()
        await scene.load.run()
        return await scene.evidence()

    with Scene(tmp_path_factory.mktemp("good-run")) as scene:
        return asyncio.run(loaded(scene)), scene.load.ledger


@pytest.fixture
def records(run: Records) -> Records:
    """A copy of them, to be forged."""
    return deepcopy(run)


def test_finds_nothing_wrong_with_a_good_run(records: Records) -> None:
    assert problems(*records) == []


def _lose_an_event(evidence: Evidence, _: Ledger) -> None:
    evidence.outgoing.pop()


def _publish_an_event_twice(evidence: Evidence, _: Ledger) -> None:
    evidence.outgoing.append(evidence.outgoing[-1])


def _publish_back_to_front(evidence: Evidence, _: Ledger) -> None:
    evidence.outgoing.reverse()


def _alter_an_event(evidence: Evidence, _: Ledger) -> None:
    evidence.outgoing[0] = evidence.outgoing[0]._replace(payload=evidence.outgoing[1].payload)


def _write_to_the_event_stream(evidence: Evidence, _: Ledger) -> None:
    evidence.outgoing.append(Stored(10_000, "allocation.allocated", {"ce-id": "graffiti"}, b""))


def _log_an_event_twice(evidence: Evidence, _: Ledger) -> None:
    again = _last(evidence, ".Allocated") | {"event_id": "again", "position": 10_000}
    evidence.tables["events"].append(again)


def _tear_an_event_out_of_the_log(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["events"].remove(_last(evidence, ".Allocated"))


def _tear_a_rejection_out_of_the_log(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["events"].remove(_last(evidence, ".Rejected"))


def _leave_an_outbox_row(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["outbox"].append({"position": 1})


def _leave_a_command(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["internal_commands"].append({"sku": "SMALL-TABLE"})


def _miscount_a_batch(evidence: Evidence, _: Ledger) -> None:
    _promised(evidence)["allocated_quantity"] += 1


def _oversell_a_batch(evidence: Evidence, _: Ledger) -> None:
    _promised(evidence)["purchased_quantity"] = 0


def _find_stock(evidence: Evidence, _: Ledger) -> None:
    waiting = {line["sku"] for line in evidence.tables["order_lines"] if line["batch_reference"] is None}
    for batch in evidence.tables["batches"]:
        if batch["sku"] in waiting:
            batch["purchased_quantity"] += 100


def _miscount_the_waiting(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["products"][0]["waiting_lines"] += 1


def _forget_a_displaced_line(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["order_lines"][0]["state"] = "displaced"


def _drop_a_line(evidence: Evidence, ledger: Ledger) -> None:
    promised = {line.name for line in ledger.lines if line.answers}
    lines = evidence.tables["order_lines"]
    lines.remove(next(line for line in lines if LineName(line["order_id"], line["line_id"]) in promised))


def _keep_more_than_was_asked_for(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["order_lines"][0]["quantity"] += 1


def _forget_a_message(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["inbox"].pop()


def _apply_an_older_quantity(evidence: Evidence, _: Ledger) -> None:
    changed = next(message for message in evidence.inbound if message.subject == "batch.quantity.changed")
    reference = changed.message.batch_reference
    next(batch for batch in evidence.tables["batches"] if batch["reference"] == reference)["target_quantity"] += 1


def _lose_a_message(evidence: Evidence, _: Ledger) -> None:
    evidence.inbound.pop()


def _answer_what_is_not_so(_: Evidence, ledger: Ledger) -> None:
    ledger.lines[0].answers[0].sku_sequence += 1


def _answer_nobody(_: Evidence, ledger: Ledger) -> None:
    next(line for line in ledger.lines if line.answers and not line.answers[0].batch_reference).calls = 0


@pytest.mark.parametrize(
    ("forge", "complaint"),
    [
        (_lose_an_event, "was never published"),
        (_publish_an_event_twice, "is on the event stream 2 times"),
        (_publish_back_to_front, "is on the event stream after a later one"),
        (_alter_an_event, "was published as something else"),
        (_write_to_the_event_stream, "is none of the log's events"),
        (_log_an_event_twice, "was Allocated after Allocated"),
        (_tear_an_event_out_of_the_log, "its events are without"),
        (_tear_a_rejection_out_of_the_log, "and was not rejected"),
        (_leave_an_outbox_row, "outbox still holds 1 rows"),
        (_leave_a_command, "internal_commands still holds 1 rows"),
        (_miscount_a_batch, "are allocated, its lines say"),
        (_oversell_a_batch, "is oversold"),
        (_find_stock, "has room for"),
        (_miscount_the_waiting, "lines wait, and"),
        (_forget_a_displaced_line, "was displaced and left there"),
        (_drop_a_line, "was promised and is not kept"),
        (_keep_more_than_was_asked_for, "asked for was"),
        (_forget_a_message, "is neither in the inbox nor parked"),
        (_apply_an_older_quantity, "was last said to hold"),
        (_lose_a_message, "was acknowledged by the broker and is gone"),
        (_answer_what_is_not_so, "and the log does not say so"),
        (_answer_nobody, "was out of stock 1 times in 0 calls"),
    ],
    ids=lambda value: value.__name__.strip("_").replace("_", " ") if callable(value) else "",
)
def test_finds_out_who_dares_to(records: Records, forge: Callable[[Evidence, Ledger], None], complaint: str) -> None:
    forge(*records)

    found = problems(*records)
    assert [problem for problem in found if complaint in problem], found


def _last(evidence: Evidence, kind: str) -> Row:
    return [event for event in evidence.tables["events"] if event["type"].endswith(kind)][-1]


def _promised(evidence: Evidence) -> Row:
    return next(batch for batch in evidence.tables["batches"] if batch["allocated_quantity"] > 0)
