"""What a run prints at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from examples.online_retail import checks
from examples.online_retail.figures import figures_by_day
from examples.online_retail.report import print_checks
from tests.e2e.online_retail.story import DAY, ORDER, a_run

if TYPE_CHECKING:
    import pytest


def test_counts_what_became_of_the_lines() -> None:
    run = a_run()
    figures = figures_by_day(run.asked, run.stock, run.events, run.listed)[DAY]
    assert figures.counts == {
        "lines asked": 3,
        "allocated": 2,
        "out of stock": 1,
        "deallocated": 1,
        "reallocated": 1,
        "events": 8,
    }
    assert figures.lines_per_second == 1.5


def test_the_report_lists_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_checks(Console(width=200), a_run(), [])
    assert capsys.readouterr().out.count("holds") == len(checks.CHECKS) + 1
    spoilt = a_run([])
    assert not print_checks(Console(width=200), spoilt, ["nothing came"])
    printed = capsys.readouterr().out
    assert "FAILED every event has arrived\n         nothing came" in printed
    assert f"line ('{ORDER}', '1') has no event" in printed
