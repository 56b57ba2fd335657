"""What a run prints at its end: the table, what was left out, and the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from examples.online_retail.checks import CHECKS, Run
from examples.online_retail.figures import (
    ASKED,
    BACKORDERED,
    COUNTED,
    DEALLOCATED,
    OUT_OF_STOCK,
    REALLOCATED,
    Figures,
    figures_by_day,
    total,
)

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

    from rich.console import Console

PROBLEMS_SHOWN_MAX = 10
LINES_PER_SECOND = "lines per second"
# Nine columns have to fit into eighty characters.
_HEADINGS = {
    ASKED: "lines\nasked",
    BACKORDERED: "back-\nordered",
    OUT_OF_STOCK: "out of\nstock",
    DEALLOCATED: "deal-\nlocated",
    REALLOCATED: "real-\nlocated",
    LINES_PER_SECOND: "lines per\nsecond",
}


def print_table(console: Console, run: Run, left_out: Counter[str]) -> None:
    """Print what became of the lines."""
    by_day = figures_by_day(run.asked, run.stock, run.events, run.listed)
    title = "What became of the order lines, by the day on which they were asked"
    table = Table(title=title, box=SIMPLE_HEAD, padding=0)
    table.add_column("day")
    for column in (*COUNTED, LINES_PER_SECOND):
        table.add_column(_HEADINGS.get(column, column), justify="right")
    for day, figures in by_day.items():
        table.add_row(str(day), *_cells(figures))
    table.add_section()
    table.add_row("all", *_cells(total(by_day)), style="bold")
    console.print(table)
    others = ", ".join(f"{count:,} {what}" for what, count in left_out.items())
    console.print(f"Other rows: {others}", highlight=False, soft_wrap=True)


def print_checks(console: Console, run: Run, missing: Iterable[str]) -> bool:
    """Print every check and what it found; answer whether all is well."""
    found = {"every event has arrived": list(missing)}
    found |= {check.__name__.replace("_", " "): list(check(run)) for check in CHECKS}
    for name, problems in found.items():
        console.print(f"[red]FAILED[/] {name}" if problems else f"[green]holds[/]  {name}", highlight=False)
        for problem in problems[:PROBLEMS_SHOWN_MAX]:
            console.print(f"         {problem}", markup=False, highlight=False, soft_wrap=True)
        if len(problems) > PROBLEMS_SHOWN_MAX:
            console.print(f"         … and {len(problems) - PROBLEMS_SHOWN_MAX:,} more", highlight=False)
    return not any(found.values())


def _cells(figures: Figures) -> list[str]:
    return [f"{figures.counts[what]:,}" for what in COUNTED] + [f"{figures.lines_per_second:,.0f}"]
