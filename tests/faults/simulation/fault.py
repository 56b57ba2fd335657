"""The simulation as a fault of the rig: all faults at once, in as many histories as there is time for."""

from __future__ import annotations

import asyncio

from tests.faults.fault import Account, Fault, Trial
from tests.faults.problem import Problem
from tests.faults.simulation.runner import replay_command, run_many
from tests.faults.simulation.variants import UNBROKEN

_SHORT_SECONDS, _FULL_SECONDS = 25.0, 300.0
_HISTORIES_APART = 1_000_000
"""Between the first seeds of two trials, so that they share no history."""


async def _simulate(trial: Trial) -> Account:
    seconds = _SHORT_SECONDS if trial.short else _FULL_SECONDS
    tally = await asyncio.to_thread(run_many, trial.seed * _HISTORIES_APART, None, seconds_max=seconds)
    problems = tuple(
        Problem(kind, f"{problem} ({replay_command(outcome, UNBROKEN, '')})")
        for outcome in tally.failed
        for kind, problem in zip(outcome.kinds, outcome.problems, strict=True)
    )
    return Account(times=sum(tally.injected.values()), commands=tally.commands, events=tally.events, problems=problems)


FAULTS = (Fault("simulation", "all of these at once, by chance, in simulated time", _simulate),)
