"""The table of the faults: on the terminal after a run, and in docs/reliability.md between two markers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from tests.faults.problem import Kind, count_kinds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.faults.fault import Account, Fault

BEGIN, END = "<!-- the table of faults begins: `make faults` writes it -->", "<!-- the table of faults ends -->"
COLUMNS = (
    "fault",
    "times",
    "commands",
    "events",
    "lost",
    "doubled",
    "stuck",
    "other",
    "longest stall",
    "`make test`",
    "again with",
)
_TIMES, _FIGURES = 1, slice(1, 8)
_STALL = 8
_IN_A_COLUMN = (Kind.LOST, Kind.DOUBLED, Kind.STUCK)
_WIDE = 160
"""From so many characters on a row has room for its command; on a narrower terminal that stands below the fault."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one fault: its account, the seed of its trial, and how long it took."""

    fault: Fault
    account: Account
    seed: int
    seconds: float
    short: bool

    @property
    def command(self) -> str:
        """The command that does the same again."""
        if self.short:
            return f"python -m tests.faults --short --fault {self.fault.name} --seed {self.seed}"
        return f"make faults FAULT={self.fault.name} SEED={self.seed}"

    def cells(self) -> list[str]:
        """Answer the row of the table, but for what stands after the stall."""
        account, kinds = self.account, count_kinds(self.account.problems)
        stall = "" if account.stall_seconds is None else f"{account.stall_seconds:.1f} s"
        figures = (account.times, account.commands, account.events, *(kinds[kind] for kind in _IN_A_COLUMN))
        other = sum(times for kind, times in kinds.items() if kind not in _IN_A_COLUMN)
        return [self.fault.title, *(f"{figure:,}" for figure in (*figures, other)), stall]


def in_all(rows: Sequence[Sequence[str]], what: str) -> list[str]:
    """Answer a row below the others: their sums, and the longest of the stalls."""
    sums = [sum(int(row[place].replace(",", "")) for row in rows) for place in range(_FIGURES.start, _FIGURES.stop)]
    stall = max((float(row[_STALL].removesuffix(" s")) for row in rows if row[_STALL]), default=None)
    return [f"{len(rows)} {what}", *(f"{figure:,}" for figure in sums), "" if stall is None else f"{stall:.1f} s"]


def sums(rows: Sequence[tuple[Fault, Sequence[str]]]) -> list[list[str]]:
    """Answer the rows below the others: of what befell processes, and of everything, whose times are of many kinds."""
    everything = in_all([row for _, row in rows], "faults in all")
    everything[_TIMES] = ""
    return [in_all([row for fault, row in rows if fault.to_processes], "faults done to running processes"), everything]


def summed_up(results: Sequence[Result]) -> str:
    """Say in one sentence what all of them came to."""
    to_processes, everything = sums([(result.fault, result.cells()) for result in results])
    _, _, commands, events, *broken, _ = everything
    found = [f"{count} {what}" for count, what in zip(broken, (*_IN_A_COLUMN, "otherwise wrong"), strict=True) if count != "0"]
    came_to = ", ".join(found) if found else "none was lost, doubled, stuck or otherwise wrong"
    count = sum(result.fault.to_processes for result in results)
    done = f"{len(results)} faults, {count} of them done to running processes, {to_processes[_TIMES]} times"
    return f"{done}; {commands} commands and {events} events checked: {came_to}"


def drawn(results: Sequence[Result], width: int) -> Table:
    """Draw the table for a terminal of this width; the row of a fault that broke something is red."""
    is_wide = width >= _WIDE
    headers = [column.replace(" ", "\n") for column in COLUMNS[:-2]]
    table = Table(*headers, *(["again with"] if is_wide else []), box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for column in table.columns[_FIGURES.start : _STALL + 1]:
        column.justify, column.no_wrap = "right", True
    for result in results:
        title, *figures = result.cells()
        again = f"--fault {result.fault.name} --seed {result.seed}"
        cells = [escape(title), *figures, again] if is_wide else [f"{escape(title)}\n[dim]{again}[/dim]", *figures]
        table.add_row(*cells, style=_style(result))
    table.add_section()
    for cells in sums([(result.fault, result.cells()) for result in results]):
        table.add_row(*cells, style="bold")
    return table


def write(page: Path, results: Sequence[Result], faults: Sequence[Fault]) -> None:
    """Replace the rows of these results between the markers of a page; those of other `faults` stay, in that order.

    Raises:
        ValueError: the page has not exactly one pair of markers.

    """
    text = page.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{page} must have {BEGIN!r} and then {END!r}, each once")
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    rows = {found[1]: _cells(line) for line in old.splitlines() if (found := re.search(r"FAULT=([a-z0-9-]+)", line))}
    rows |= {result.fault.name: _written(result) for result in results}
    kept = [(fault, rows[fault.name]) for fault in faults if len(rows.get(fault.name, ())) == len(COLUMNS)]
    lines = [
        _row(COLUMNS),
        _row(["---", *["---:"] * _STALL, "---", "---"]),
        *(_row(row) for _, row in kept),
        *(_row([*(f"**{cell}**" if cell else "" for cell in cells), "", ""]) for cells in (sums(kept) if kept else ())),
    ]
    page.write_text("\n".join([before + BEGIN, *lines, END + after]), encoding="utf-8")


def _written(result: Result) -> list[str]:
    in_test = "in short" if result.fault.in_short_form else "no"
    return [cell.replace("|", "/") for cell in (*result.cells(), in_test, f"`{result.command}`")]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _style(result: Result) -> str:
    return "bold red" if result.account.problems else ""
