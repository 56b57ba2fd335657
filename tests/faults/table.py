"""The table of the faults: on the terminal after a run, and in docs/reliability.md between two markers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table

from tests.faults.problem import Kind, count_kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
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
    "again with",
)
_IN_A_COLUMN = (Kind.LOST, Kind.DOUBLED, Kind.STUCK)


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
        """Answer the row of the table, but for the command."""
        account, kinds = self.account, count_kinds(self.account.problems)
        stall = "" if account.stall_seconds is None else f"{account.stall_seconds:.1f} s"
        figures = (account.times, account.commands, account.events, *(kinds[kind] for kind in _IN_A_COLUMN))
        other = sum(times for kind, times in kinds.items() if kind not in _IN_A_COLUMN)
        return [self.fault.title, *(f"{figure:,}" for figure in (*figures, other)), stall]


def drawn(results: Iterable[Result]) -> Table:
    """Draw the table for a terminal; the row of a fault that broke something is red."""
    table = Table(*COLUMNS)
    for column in table.columns[1:-1]:
        column.justify = "right"
    for column in table.columns[1:]:
        column.no_wrap = True
    for result in results:
        table.add_row(*result.cells(), f"--fault {result.fault.name} --seed {result.seed}", style=_style(result))
    return table


def write(page: Path, results: Sequence[Result], names: Sequence[str]) -> None:
    """Replace the rows of these results between the markers of a page; those of other faults, in the order of `names`, stay.

    Raises:
        ValueError: the page has not exactly one pair of markers.

    """
    text = page.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{page} must have {BEGIN!r} and then {END!r}, each once")
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    rows = {found[1]: line for line in old.splitlines() if (found := re.search(r"FAULT=([a-z0-9-]+)", line))}
    rows |= {result.fault.name: _row([*result.cells(), f"`{result.command}`"]) for result in results}
    lines = [
        _row(COLUMNS),
        _row(["---", *["---:"] * (len(COLUMNS) - 2), "---"]),
        *(rows[name] for name in names if name in rows),
    ]
    page.write_text("\n".join([before + BEGIN, *lines, END + after]), encoding="utf-8")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _style(result: Result) -> str:
    return "bold red" if result.account.problems else ""
