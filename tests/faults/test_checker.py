"""The checker proves itself: whatever is forged in the records of a good run, it says so."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from typing import TYPE_CHECKING

import pytest

from tests.faults.checker import problems
from tests.faults.evidence import Evidence
from tests.faults.forgeries import FORGERIES
from tests.faults.ledger import Ledger
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
    FORGERIES,
    ids=lambda value: value.__name__.strip("_").replace("_", " ") if callable(value) else "",
)
def test_finds_out_who_dares_to(
    records: Records, forge: Callable[[Evidence, Ledger], None], kind: Kind, complaint: str
) -> None:
    forge(*records)

    found = problems(*records)
    assert [problem for problem in found if complaint in problem and problem.kind is kind], found


def test_misses_no_message_that_was_purged_but_every_later_one(records: Records) -> None:
    evidence, ledger = records
    through = evidence.inbound[len(evidence.inbound) // 2].sequence
    evidence.inbound = [message for message in evidence.inbound if message.sequence > through]

    assert problems(evidence, ledger, purged_through=through) == []
    assert "was acknowledged by the broker and is gone" in " ".join(problems(evidence, ledger, purged_through=through - 5))


def test_misses_no_event_that_went_with_a_deleted_stream_but_every_later_one(records: Records) -> None:
    evidence, ledger = records
    position = evidence.public_events[-5]["position"]
    evidence.outgoing = evidence.outgoing[-4:]

    assert problems(evidence, ledger, gone_through=position) == []
    assert "was never published" in " ".join(problems(evidence, ledger, gone_through=position - 1))
