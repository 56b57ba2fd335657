"""The checker proves itself: whatever is forged in the records of a good run, it says so."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
from stock.allocation.v1.allocation_service_pb2 import AllocateRequest
from stock.allocation.v1.inbound_events_pb2 import BatchQuantityChanged, OrderPlaced, OrderPlacedLine
from stock.allocation.v1.line_pb2 import LineState, LineStatus

from tests.faults.checker import problems
from tests.faults.consistent_forgeries import CONSISTENT_FORGERIES
from tests.faults.evidence import INBOUND, Evidence, Stored
from tests.faults.forged_answers import FORGED_ANSWERS
from tests.faults.forged_messages import FORGED_MESSAGES
from tests.faults.forgeries import FORGERIES
from tests.faults.ledger import AskedLine, Ledger
from tests.faults.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.problem import Kind

Records = tuple[Evidence, Ledger]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Records:
    """The records of a run in which nothing was broken."""

    async def loaded(scene: Scene) -> Evidence:
        await scene.start()
        await scene.load.run()
        for quantity in (41, 42, 43):
            changed = BatchQuantityChanged(batch_reference="small-table-0", quantity=quantity)
            await scene.load.publish("batch.quantity.changed", changed)
        waits = OrderPlacedLine(sku="SMALL-TABLE", quantity=90)
        await scene.load.publish("order.placed", OrderPlaced(order_id="a large order", lines=[waits]))
        return await scene.evidence()

    with Scene(tmp_path_factory.mktemp("good-run")) as scene:
        return asyncio.run(loaded(scene)), scene.load.ledger


@pytest.fixture
def records(run: Records) -> Records:
    """A copy of them, to be forged."""
    return deepcopy(run)


def test_finds_nothing_wrong_with_a_good_run(records: Records) -> None:
    assert problems(*records) == []


@pytest.mark.parametrize(
    ("forge", "kind", "complaint"),
    [*FORGERIES, *CONSISTENT_FORGERIES, *FORGED_ANSWERS, *FORGED_MESSAGES],
    ids=lambda value: value.__name__.strip("_").replace("_", " ") if callable(value) else "",
)
def test_finds_out_who_dares_to(
    records: Records, forge: Callable[[Evidence, Ledger], None], kind: Kind, complaint: str
) -> None:
    forge(*records)

    found = problems(*records)
    assert [problem for problem in found if complaint in problem and problem.kind is kind], found


def test_believes_an_answer_about_a_line_that_has_left_its_batch_and_was_not_tried_elsewhere_yet(records: Records) -> None:
    evidence, ledger = records
    left = next(message for event, message in evidence.decoded() if event["type"].endswith(".Deallocated"))
    request = AllocateRequest(order_id=left.order_id, line_id=left.line_id, sku=left.sku, quantity=left.quantity)
    stands = LineStatus(state=LineState.LINE_STATE_BACKORDERED, sku_sequence=left.sku_sequence)
    stands.MergeFromString(request.SerializeToString())  # Both name the line by the same fields.
    ledger.lines.append(AskedLine(request, calls=1, answers=[stands]))

    assert problems(evidence, ledger) == []


def test_misses_no_message_that_was_purged_but_every_later_one(records: Records) -> None:
    evidence, ledger = records
    through = evidence.inbound[len(evidence.inbound) // 2].sequence
    evidence.inbound = [message for message in evidence.inbound if message.sequence > through]

    assert problems(evidence, ledger, purged_through=through) == []
    assert "was acknowledged by the broker and is gone" in " ".join(problems(evidence, ledger, purged_through=through - 5))


def test_believes_that_an_event_was_sent_again_later_and_no_other_one(records: Records) -> None:
    evidence, ledger = records
    late = evidence.outgoing.pop(len(evidence.outgoing) // 2)
    evidence.outgoing.append(late)

    assert problems(evidence, ledger, re_emitted=[late.headers["ce-id"]]) == []
    assert "is on the event stream after a later one" in " ".join(problems(evidence, ledger))


def test_takes_what_the_log_has_lost_for_a_lost_past_and_nothing_after_it(records: Records) -> None:
    evidence, ledger = records
    evidence.outgoing.append(Stored(10_000, "allocation.allocated", {"ce-id": "of a lost past"}, b""))

    assert problems(evidence, ledger, lost_past=[range(9_990, 10_001)]) == []
    assert "10000 of the event stream is none" in " ".join(problems(evidence, ledger, lost_past=[range(9_990, 10_000)]))


def test_misses_a_message_that_a_restored_stream_does_not_hold_and_was_not_published_again(records: Records) -> None:
    evidence, ledger = records
    for table in ("streams", "parked_messages"):
        for row in evidence.tables[table]:
            row["incarnation"] += 1
    for row in evidence.tables["inbox"]:
        row["source"] = row["source"].replace(f"{INBOUND}/1", f"{INBOUND}/2")
    evidence.inbound = [message for message in evidence.inbound if message.sequence != ledger.published[-1].sequence]

    assert "was acknowledged by the broker and is gone" in " ".join(problems(evidence, ledger, restored=True))


def test_misses_no_event_that_went_with_a_deleted_stream_but_every_later_one(records: Records) -> None:
    evidence, ledger = records
    position = evidence.public_events[-5]["position"]
    evidence.outgoing = evidence.outgoing[-4:]

    assert problems(evidence, ledger, gone_through=position) == []
    assert "was never published" in " ".join(problems(evidence, ledger, gone_through=position - 1))
