"""The world's verdict: whatever figure is off is named, and agreement is only said of figures that agree."""

from __future__ import annotations

from typing import Any

import pytest

from examples.world.board import sparkline
from examples.world.verdict import disagreements

AGREED: dict[str, dict[str, Any]] = {
    "warehouse": {"lines": 3, "units": 30},
    "orders": {"lines": 3, "units": 30, "waiting": 0},
    "crm": {"lines": 3, "units": 30},
    "purchasing": {"lines": 3, "units": 30, "waiting": 0},
    "audit": {"lines": 3, "units": 30, "missing": 0, "disagreements": 0},
}


def with_figure(program: str, name: str, value: int) -> dict[str, dict[str, Any]]:
    return AGREED | {program: AGREED[program] | {name: value}}


def test_figures_that_agree_leave_nothing_to_say() -> None:
    assert disagreements(AGREED, 30) == []


def test_a_service_that_promised_something_else_is_contradicted_by_all() -> None:
    assert len(disagreements(AGREED, 31)) == len(AGREED)


@pytest.mark.parametrize("program", AGREED)
def test_a_program_that_counts_other_units_is_named(program: str) -> None:
    (said,) = disagreements(with_figure(program, "units", 29), 30)
    assert said == f"{program} counts 29 units promised, the service 30"


@pytest.mark.parametrize("program", AGREED)
def test_a_program_that_counts_other_lines_is_named(program: str) -> None:
    (said,) = disagreements(with_figure(program, "lines", 4), 30)
    assert f"{program} 4" in said


@pytest.mark.parametrize(
    ("program", "name"),
    [("orders", "waiting"), ("purchasing", "waiting"), ("audit", "missing"), ("audit", "disagreements")],
)
def test_what_a_program_itself_complains_of_is_told(program: str, name: str) -> None:
    (said,) = disagreements(with_figure(program, name, 7), 30)
    assert "7" in said


def test_a_program_that_said_nothing_does_not_agree() -> None:
    assert disagreements(AGREED | {"crm": {}}, 30)


def test_a_single_message_can_be_seen_beside_a_thousand() -> None:
    assert sparkline([0, 1, 1000]) == " ▁█"
