"""Draws the world on a terminal; without one, a line every few seconds."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from examples.world.flow import Flow
    from examples.world.processes import Process
    from examples.world.programs import Program

BARS = " ▁▂▃▄▅▆▇█"
NEWS_SHOWN = 8
PLAIN_SECONDS = 5.0
COMMON = ("lines", "units", "duplicates", "stale")


class Board:
    """Shows subjects, programs and the latest news. Use it as a context manager."""

    def __init__(self, flow: Flow, programs: list[tuple[Program, Process]]) -> None:
        self.console = Console()
        self._flow, self._programs = flow, programs
        self._news: deque[str] = deque(maxlen=NEWS_SHOWN)
        self._live = Live(console=self.console, auto_refresh=False, transient=True)
        self._plain_at = 0.0

    def tell(self, line: str) -> None:
        """Add a line of news."""
        self._news.append(line)
        if not self.console.is_terminal:
            self.console.print(line, markup=False, highlight=False)

    def draw(self, title: str) -> None:
        """Show the present state."""
        if self.console.is_terminal:
            news = Panel("\n".join(self._news), title="news", height=NEWS_SHOWN + 2)
            self._live.update(Group(Panel(self._subjects(), title=title), self._table(), news), refresh=True)
        elif time.monotonic() - self._plain_at > PLAIN_SECONDS:
            self._plain_at = time.monotonic()
            total = sum(self._flow.totals.values())
            self.console.print(f"{title}: {total} messages so far", markup=False, highlight=False)

    def show_figures(self) -> None:
        """Print the programs' figures for good."""
        self.console.print(self._table())

    def _subjects(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for subject in self._flow.types:
            direction = "out" if subject.startswith("allocation.") else "in"
            table.add_row(direction, subject, f"{self._flow.totals[subject]:>7,}", sparkline(self._flow.rates(subject)))
        return table

    def _table(self) -> Table:
        table = Table("program", "", *COMMON, "its part", expand=True)
        for program, process in self._programs:
            figures = process.figures
            role = ", ".join(f"{name} {shown(value)}" for name, value in figures.items() if name not in COMMON)
            state = Text(program.name, style="" if process.is_running else "red")
            table.add_row(state, program.language, *(str(figures.get(name, "")) for name in COMMON), role)
        return table

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


def sparkline(rates: list[int]) -> str:
    """Draw numbers as a line of bars; any message at all can be seen."""
    highest = max(*rates, 1)
    return "".join(BARS[-(-rate * (len(BARS) - 1) // highest)] for rate in rates)


def shown(value: Any) -> str:  # noqa: ANN401 - whatever a program counts
    """Show one of a program's own figures; of a list its length."""
    return str(len(value)) if isinstance(value, list) else str(value)
