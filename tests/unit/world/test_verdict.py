"""The world's verdict: whatever figure is off is named, and agreement is only said of something that happened."""

from __future__ import annotations

from typing import Any

import pytest

from examples.world.board import sparkline
from examples.world.verdict import Truth, disagreements

AGREED: dict[str, dict[str, Any]] = {
    "warehouse": {"lines": 3, "units": 30, "damages": 1},
    "orders": {"lines": 3, "units": 30, "waiting": 0, "orders": 4, "by_rpc": 2, "by_event": 2},
    "crm": {"lines": 3, "units": 30, "vips": ["ada"], "customers": 2},
    "purchasing": {"lines": 3, "units": 30, "waiting": 0, "purchases": 2},
    "audit": {"lines": 3, "units": 30, "missing": 0, "disagreements": 0},
}
KEPT = {"ada-1": 1, "ada-2": 1, "ada-3": 1, "bob-4": 0}
TRUTH = Truth(30, KEPT, {"ada": {"ada-1", "ada-2", "ada-3"}, "bob": {"bob-5"}})
FIGURES = [(program, figure) for program, figures in AGREED.items() for figure in figures]


def with_figure(program: str, figure: str, value: object) -> dict[str, dict[str, Any]]:
    return AGREED | {program: AGREED[program] | {figure: value}}


def test_figures_that_agree_leave_nothing_to_say() -> None:
    assert disagreements(AGREED, KEPT, TRUTH) == []


def test_a_world_in_which_nothing_happened_agrees_on_nothing() -> None:
    nothing = {program: dict.fromkeys(figures, 0) for program, figures in AGREED.items()}
    nothing["crm"]["vips"] = []  # type: ignore[assignment] # the figures of all programs are of one type here
    found = disagreements(nothing, {}, Truth(0, {}, {}))
    assert [said.partition(":")[0] for said in found] == [
        "nothing is promised",
        "warehouse has no damages",
        "orders has no orders",
        "orders has no by_rpc",
        "orders has no by_event",
        "purchasing has no purchases",
    ]


def test_no_program_at_all_agrees_on_nothing() -> None:
    assert disagreements({}, {}, Truth(0, {}, {}))


@pytest.mark.parametrize(("program", "figure"), FIGURES)
def test_a_figure_that_is_missing_is_named(program: str, figure: str) -> None:
    without = {name: value for name, value in AGREED[program].items() if name != figure}
    (said,) = disagreements(AGREED | {program: without}, KEPT, TRUTH)
    assert program in said


@pytest.mark.parametrize("program", AGREED)
@pytest.mark.parametrize("figure", ["units", "lines"])
def test_a_program_that_counts_otherwise_is_named(program: str, figure: str) -> None:
    (said,) = disagreements(with_figure(program, figure, 29), KEPT, TRUTH)
    assert f"{program} counts 29" in said or f"{program} 29" in said


@pytest.mark.parametrize(
    ("program", "figure"),
    [("orders", "waiting"), ("purchasing", "waiting"), ("audit", "missing"), ("audit", "disagreements")],
)
def test_what_a_program_itself_complains_of_is_told(program: str, figure: str) -> None:
    (said,) = disagreements(with_figure(program, figure, 7), KEPT, TRUTH)
    assert said.startswith(f"{program} counts 7 ")


def test_an_order_that_was_forgotten_is_named() -> None:
    (said,) = disagreements(AGREED, KEPT, Truth(30, KEPT | {"ada-2": 0}, TRUTH.orders_of))
    assert said == "of ada-2 1 lines should be kept, the service keeps 0"


@pytest.mark.parametrize("vips", [[], ["ada", "bob"], ["bob"]])
def test_a_wrong_vip_is_named(vips: list[str]) -> None:
    (said,) = disagreements(with_figure("crm", "vips", vips), KEPT, TRUTH)
    assert said == f"crm's VIPs are {vips}, by the events they are ['ada']"


def test_a_program_that_is_not_there_is_not_missed() -> None:
    assert disagreements({name: figures for name, figures in AGREED.items() if name != "crm"}, KEPT, TRUTH) == []


def test_a_single_message_can_be_seen_beside_a_thousand() -> None:
    assert sparkline([0, 1, 1000]) == " ▁█"
