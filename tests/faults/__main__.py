"""Does every fault, or those that are named, to the service, one after the other, and prints what came of it: `make faults`."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from tests.faults.fault import Account, Trial
from tests.faults.problem import Kind, Problem, kind_of
from tests.faults.registry import FAULTS
from tests.faults.table import Result, drawn, summed_up, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.fault import Fault

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_TERMINAL_WIDTH = 180
_SHOWN_PROBLEMS = 10


def main() -> int:
    """Run the faults; 0: nothing was broken, 1: something was, 2: this cannot be asked."""
    arguments = _arguments()
    # Whoever ends it, also in the background, where SIGINT is ignored: what a trial started ends with it, as on Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    console = Console(width=None if Console().is_terminal else _TERMINAL_WIDTH)
    faults = [FAULTS[name] for name in arguments.fault or FAULTS]
    seed = arguments.seed or random.randrange(1, 10**6)  # noqa: S311 - varies the trials, keeps no secret
    console.print(f"{len(faults)} faults with seed {seed}, {'in short' if arguments.short else 'in full'}", highlight=False)
    results: list[Result] = []
    for number, fault in enumerate(faults, 1):
        with _progress(console, f"{number}/{len(faults)} {fault.name}"):
            result = _tried(fault, seed, short=arguments.short)
        results.append(result)
        _tell(console, f"{number}/{len(faults)}", result)
    console.print(drawn(results, console.width))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps([_as_json(result) for result in results], indent=2) + "\n", encoding="utf-8")
    if arguments.write:
        write(PAGE, results, list(FAULTS.values()))
    broken = [result.fault.name for result in results if result.account.problems]
    console.print(f"{summed_up(results)}, with seed {seed}", highlight=False)
    if broken:
        console.print(f"broken by: {', '.join(broken)}", highlight=False)
    return 1 if broken else 0


def _arguments() -> argparse.Namespace:
    names = ", ".join(FAULTS)
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--fault", action="append", choices=sorted(FAULTS), metavar="NAME", help=f"only this one; may be repeated: {names}"
    )
    parser.add_argument("--seed", type=_seed, default=0, help="of all chance, 1 or more; without it one is drawn and printed")
    parser.add_argument("--short", action="store_true", help="the short form, as `make test` runs it")
    parser.add_argument("--json", metavar="FILE", help="write what came of it to this file too")
    parser.add_argument("--write", action="store_true", help="write the rows into docs/reliability.md")
    arguments = parser.parse_args()
    if arguments.write and arguments.short:
        parser.error("--write is for full runs: the table would promise less than it says")
    return arguments


def _seed(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of 1 or more, is {text!r}")
    return int(text)


def _tried(fault: Fault, seed: int, *, short: bool) -> Result:
    """Run one trial; its folder stays if it broke something, and a trial that could not be carried out is a problem too."""
    folder = Path(tempfile.mkdtemp(prefix=f"{fault.name}-"))
    began = time.monotonic()
    try:
        account = asyncio.run(_account(fault, Trial(folder, seed, short)))
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the other faults are tried too
        traceback.print_exc()
        kind = Kind.STUCK if isinstance(error, TimeoutError) else Kind.WRONG
        broken = Problem(kind, f"the trial did not get to its end: {type(error).__name__}: {error}")
        account = Account(times=0, commands=0, events=0, problems=(broken,))
    if account.times == 0 and not account.problems:
        account = Account(0, account.commands, account.events, (Problem(Kind.WRONG, "the fault never befell the run"),))
    if account.problems:
        sys.stderr.write(f"what {fault.name} left behind is in {folder}\n")
    else:
        shutil.rmtree(folder)
    return Result(fault, account, seed, time.monotonic() - began, short)


async def _account(fault: Fault, trial: Trial) -> Account:
    return await fault.run(trial)


@contextmanager
def _progress(console: Console, text: str) -> Iterator[None]:
    if console.is_terminal:
        with console.status(text):
            yield
    else:
        yield


def _tell(console: Console, number: str, result: Result) -> None:
    account = result.account
    verdict = f"{len(account.problems)} PROBLEMS" if account.problems else "well"
    console.print(
        f"{number} {result.fault.name}: {account.times} times in {result.seconds:.1f} s, {account.commands} commands, "
        f"{account.events} events: {verdict}",
        style="bold red" if account.problems else None,
        highlight=False,
    )
    if account.problems:
        for problem in account.problems[:_SHOWN_PROBLEMS]:
            console.print(f"    {kind_of(problem)}: {problem}", markup=False, highlight=False)
        if len(account.problems) > _SHOWN_PROBLEMS:
            console.print(f"    and {len(account.problems) - _SHOWN_PROBLEMS} more")
        console.print(f"    again: {result.command}", markup=False, highlight=False)


def _as_json(result: Result) -> dict[str, Any]:
    account = result.account
    return {
        "fault": result.fault.name,
        "title": result.fault.title,
        "seed": result.seed,
        "short": result.short,
        "seconds": round(result.seconds, 1),
        "times": account.times,
        "commands": account.commands,
        "events": account.events,
        "stall_seconds": account.stall_seconds,
        "problems": [{"kind": kind_of(problem), "problem": problem} for problem in account.problems],
        "command": result.command,
    }


if __name__ == "__main__":
    sys.exit(main())
