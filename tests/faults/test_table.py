"""The table of faults: what a run brings replaces its own rows alone, and problems stand under their kind."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from tests.faults.fault import Account, Fault
from tests.faults.problem import Kind, Problem
from tests.faults.table import BEGIN, END, Result, drawn, summed_up, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.fault import Trial


async def _never_run(_: Trial) -> Account:
    raise AssertionError


def _faults(*names: str) -> list[Fault]:
    return [Fault(name, f"the {name}", _never_run, to_processes=name != "dream") for name in names]


def _result(name: str, account: Account, *, seed: int = 7) -> Result:
    return Result(_faults(name)[0], account, seed, 1.0, short=False)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page without rows."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    return page


def _rows(page: Path) -> list[str]:
    return [line for line in page.read_text().splitlines() if line.startswith("| the ")]


def test_a_row_counts_problems_by_their_kind_and_names_the_command(page: Path) -> None:
    problems = (
        Problem(Kind.LOST, "gone"),
        Problem(Kind.LOST, "gone too"),
        Problem(Kind.DOUBLED, "twice"),
        Problem(Kind.OVERSOLD, "too much"),
        "a sentence without a kind",
    )

    write(page, [_result("flood", Account(3, 1_200, 2_400, problems, 1.25))], _faults("flood"))

    assert _rows(page) == [
        "| the flood | 3 | 1,200 | 2,400 | 2 | 1 | 0 | 2 | 1.2 s | in short | `make faults FAULT=flood SEED=7` |"
    ]
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("\nafter\n")


def test_rows_of_other_faults_stay_and_those_that_are_no_more_go(page: Path) -> None:
    write(page, [_result(name, Account(1, 1, 1, ())) for name in ("flood", "fire", "war")], _faults("flood", "fire", "war"))

    write(page, [_result("fire", Account(9, 9, 9, ()), seed=8)], _faults("fire", "flood"))

    assert [row.split(" | ")[1] for row in _rows(page)] == ["9", "1"]
    assert "SEED=8" in _rows(page)[0]
    assert "SEED=7" in _rows(page)[1]


def test_the_last_row_sums_up_those_of_former_runs_too(page: Path) -> None:
    write(
        page,
        [_result("flood", Account(3, 1_200, 2_400, (), 1.25)), _result("fire", Account(1, 1, 1, ()))],
        _faults("flood", "fire"),
    )

    lost = Account(4, 2_000, 1, (Problem(Kind.LOST, "gone"),), 0.5)
    write(page, [_result("fire", lost)], _faults("flood", "fire"))

    *_, to_processes, everything, _, _ = page.read_text().splitlines()
    sums = "**3,200** | **2,401** | **1** | **0** | **0** | **0** | **1.2 s** |  |  |"
    assert to_processes == f"| **2 faults done to running processes** | **7** | {sums}"
    assert everything == f"| **2 faults in all** |  | {sums}"


def test_times_that_befell_no_process_are_not_summed_up_with_those_that_did(page: Path) -> None:
    results = [_result("flood", Account(3, 10, 20, ())), _result("dream", Account(1_000, 1, 2, ()))]

    write(page, results, _faults("flood", "dream"))

    *_, to_processes, everything, _, _ = page.read_text().splitlines()
    assert to_processes.startswith("| **1 faults done to running processes** | **3** | **10** | **20** |")
    assert everything.startswith("| **2 faults in all** |  | **11** | **22** |")


def test_what_all_came_to_is_said_in_one_sentence() -> None:
    well, broken = Account(3, 1_200, 2_400, (), 1.25), Account(4, 2_000, 1, (Problem(Kind.LOST, "gone"), "a bare sentence"))

    assert summed_up([_result("flood", well)]) == (
        "1 faults, 1 of them done to running processes, 3 times; "
        "1,200 commands and 2,400 events checked: none was lost, doubled, stuck or otherwise wrong"
    )
    assert summed_up([_result("flood", well), _result("fire", broken)]) == (
        "2 faults, 2 of them done to running processes, 7 times; "
        "3,200 commands and 2,401 events checked: 1 lost, 1 otherwise wrong"
    )


@pytest.mark.parametrize("width", [100, 200])
def test_on_a_terminal_every_figure_and_the_command_of_every_row_can_be_read(width: int) -> None:
    name = "inbound-remade-by-a-stranger"
    console = Console(width=width, file=StringIO())

    console.print(drawn([_result(name, Account(12, 1_234_567, 2_345_678, (), 123.4), seed=987_654)], width))

    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in said
    assert max(map(len, said.splitlines())) <= width
    for figure in ("1,234,567", "2,345,678", "123.4 s", "--fault", name, "987654"):
        assert figure in said, said


@pytest.mark.parametrize("text", ["no markers", f"{END}\n{BEGIN}", f"{BEGIN}\n{BEGIN}\n{END}"])
def test_a_page_without_one_pair_of_markers_is_refused_and_left_alone(page: Path, text: str) -> None:
    page.write_text(text)

    with pytest.raises(ValueError, match="each once"):
        write(page, [], [])
    assert page.read_text() == text
