"""Many histories on all processors, their accounts added up, and what replays a history that failed."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from tests.faults.simulation.history import Outcome, run_history
from tests.faults.simulation.variants import UNBROKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_AT_ONCE = 10
_AHEAD = 2
_SECONDS_IN_HOUR = 3600.0
_SECONDS_IN_MINUTE = 60.0


@dataclass(slots=True)
class Tally:
    """What so many histories came to; `wall_seconds` is the time that they took, `virtual_seconds` the time in them."""

    histories: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    commands: int = 0
    events: int = 0
    virtual_seconds: float = 0.0
    wall_seconds: float = 0.0
    failed: list[Outcome] = field(default_factory=list)

    @property
    def simulated_hours(self) -> float:
        """The time in all histories."""
        return self.virtual_seconds / _SECONDS_IN_HOUR

    @property
    def histories_per_minute(self) -> float:
        """The speed."""
        return self.histories * _SECONDS_IN_MINUTE / max(self.wall_seconds, 1e-9)

    def add(self, outcome: Outcome) -> None:
        """Take up one more."""
        self.histories += 1
        self.injected += outcome.injected
        self.commands += outcome.commands
        self.events += outcome.events
        self.virtual_seconds += outcome.seconds
        if outcome.problems:
            self.failed.append(outcome)


def run_many(  # noqa: PLR0913 - which histories, of what, and when to stop
    first_seed: int,
    histories: int | None,
    *,
    variant: str = UNBROKEN,
    setting: str = "",
    processes: int = 0,
    seconds_max: float | None = None,
    progress: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Run the histories of the seeds from `first_seed` on: so many, or as many as there is time for."""
    tally, begun = Tally(), time.monotonic()
    chunks = _chunks(first_seed, histories)
    with ProcessPoolExecutor(processes or os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        running: set[Future[list[Outcome]]] = set()
        while True:
            in_time = seconds_max is None or time.monotonic() - begun < seconds_max
            while in_time and len(running) < _AHEAD * (processes or os.cpu_count() or 1):
                seeds = next(chunks, None)
                if seeds is None:
                    break
                running.add(pool.submit(run_chunk, seeds, variant, setting))
            if not running:
                return tally
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for outcome in (outcome for future in done for outcome in future.result()):
                tally.add(outcome)
            tally.wall_seconds = time.monotonic() - begun
            progress(tally)


def run_chunk(seeds: range, variant: str, setting: str) -> list[Outcome]:
    """Run some histories in this process."""
    return [run_history(seed, variant, setting) for seed in seeds]


def replay_command(outcome: Outcome, variant: str, setting: str) -> str:
    """Say how exactly this history is run again, with its trace."""
    options = f" --variant {variant}" if variant != UNBROKEN else ""
    options += f" --setting {setting}" if setting else ""
    return f"python -m tests.faults.simulation --histories 1 --seed {outcome.seed}{options} --trace"


def _chunks(first_seed: int, histories: int | None) -> Iterator[range]:
    for begin in count(first_seed, _AT_ONCE):
        end = begin + _AT_ONCE if histories is None else min(begin + _AT_ONCE, first_seed + histories)
        if begin >= end:
            return
        yield range(begin, end)
