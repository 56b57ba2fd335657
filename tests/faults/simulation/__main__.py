"""Runs histories: `python -m tests.faults.simulation --histories 2000 --seed 1`, or replays one with --trace."""

from __future__ import annotations

import argparse
import random
import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.faults.simulation.history import run_history
from tests.faults.simulation.runner import Tally, replay_command, run_many
from tests.faults.simulation.variants import UNBROKEN, VARIANTS

_SHOWN_MAX = 10


def main() -> int:
    """Run what the command line asks for; the exit status says whether all histories were clean."""
    arguments = _arguments()
    console = Console()
    if arguments.trace:
        return _replay(arguments, console)
    bar = Progress(
        TextColumn("histories"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]} failed"),
        console=console,
    )
    with bar:
        task = bar.add_task("histories", total=arguments.histories, failed=0)
        tally = run_many(
            arguments.seed,
            arguments.histories,
            variant=arguments.variant,
            setting=arguments.setting,
            processes=arguments.processes,
            progress=lambda tally: bar.update(task, completed=tally.histories, failed=len(tally.failed)),
        )
    _report(tally, arguments, console)
    return 1 if tally.failed else 0


def _replay(arguments: argparse.Namespace, console: Console) -> int:
    outcome = run_history(arguments.seed, arguments.variant, arguments.setting, records=True)
    for line in outcome.lines:
        sys.stdout.write(f"{line}\n")
    for problem in outcome.problems:
        console.print(f"[red]{problem}", highlight=False)
    console.print(f"seed {outcome.seed}: {len(outcome.problems)} problems, trace {outcome.digest}", highlight=False)
    return 1 if outcome.problems else 0


def _report(tally: Tally, arguments: argparse.Namespace, console: Console) -> None:
    faults = Table("fault", "times", title=f"{sum(tally.injected.values()):,} faults")
    for fault, times in tally.injected.most_common():
        faults.add_row(fault, f"{times:,}")
    console.print(faults)
    for outcome in tally.failed[:_SHOWN_MAX]:
        console.print(
            f"[red]seed {outcome.seed}[/red] {replay_command(outcome, arguments.variant, arguments.setting)}", soft_wrap=True
        )
        for problem in outcome.problems[:_SHOWN_MAX]:
            console.print(f"  {problem}", highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"{tally.histories:,} histories ({len(tally.failed)} failed), {tally.commands:,} commands, {tally.events:,} events, "
        f"{tally.simulated_hours:,.1f} simulated hours, {tally.wall_seconds:,.1f} s, "
        f"{tally.histories_per_minute:,.0f} histories a minute",
        highlight=False,
        soft_wrap=True,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.simulation", description=__doc__)
    parser.add_argument("--histories", type=_positive, default=1_000, help="how many (default: %(default)s)")
    seed = random.randrange(1, 10**9)  # noqa: S311 - varies histories, keeps no secret
    parser.add_argument("--seed", type=int, default=seed, help="of the first; the others follow (default: by chance)")
    parser.add_argument("--variant", choices=VARIANTS, default=UNBROKEN, help="a build that is broken on purpose")
    parser.add_argument("--setting", choices=VARIANTS, default="", help="the chance of another variant's histories")
    parser.add_argument("--processes", type=_positive, default=0, help="at a time (default: one a processor)")
    parser.add_argument("--trace", action="store_true", help="run the one history of --seed, and print all that happens")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, is {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())
