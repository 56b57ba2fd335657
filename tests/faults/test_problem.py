"""A problem knows its kind wherever it goes: into a copy, and into another process."""

from __future__ import annotations

import pickle
from copy import deepcopy

from tests.faults.problem import Kind, Problem, count_kinds


def test_a_problem_keeps_its_kind_in_another_process_and_in_a_copy() -> None:
    problem = Problem(Kind.DOUBLED, "it happened twice")

    for again in (pickle.loads(pickle.dumps(problem)), deepcopy(problem)):  # noqa: S301 - our own bytes
        assert again == problem
        assert again.kind is Kind.DOUBLED


def test_a_sentence_without_a_kind_counts_as_wrong() -> None:
    assert count_kinds(["a bare sentence", Problem(Kind.LOST, "gone")]) == {Kind.WRONG: 1, Kind.LOST: 1}
