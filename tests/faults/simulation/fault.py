"""The simulation as a fault of the rig: all faults at once, in histories of which each seed has its own."""

from __future__ import annotations

import asyncio

from tests.faults.fault import Account, Fault, Trial
from tests.faults.problem import Problem
from tests.faults.simulation.runner import replay_command, run_many
from tests.faults.simulation.variants import UNBROKEN

_SHORT_HISTORIES, _FULL_HISTORIES = 500, 10_000
_HISTORIES_APART = 1_000_000
"""Between the first seeds of two trials, so that they share no history."""


async def _simulate(trial: Trial) -> Account:
    histories = _SHORT_HISTORIES if trial.short else _FULL_HISTORIES
    tally = await asyncio.to_thread(run_many, trial.seed * _HISTORIES_APART, histories)
    problems = tuple(
        Problem(kind, f"{problem} ({replay_command(outcome, UNBROKEN, '')})")
        for outcome in tally.failed
        for kind, problem in zip(outcome.kinds, outcome.problems, strict=True)
    )
    return Account(times=sum(tally.injected.values()), commands=tally.commands, events=tally.events, problems=problems)


FAULTS = (Fault("simulation", "all of these at once, by chance, in 10,000 simulated histories", _simulate, to_processes=False),)
