"""The disk of the broker, or that of the service, is full for a while, under load."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.faults.cluster.small_disk import in_mount_namespace
from tests.faults.fault import Account
from tests.faults.problem import Kind, Problem

if TYPE_CHECKING:
    from tests.faults.fault import Trial


async def fill_broker_disk(trial: Trial) -> Account:
    """Fill the disk that the broker's streams are on."""
    return await _in_its_own_program("broker", trial)


async def fill_service_disk(trial: Trial) -> Account:
    """Fill the disk that the service's data folder is on."""
    return await _in_its_own_program("service", trial)


async def _in_its_own_program(whose: str, trial: Trial) -> Account:
    """Run the trial where its disk is mounted: the service, the broker, the load and the checker all have to see it."""
    arguments = ["-m", "tests.faults.cluster.full_disk", whose, str(trial.folder), str(trial.seed)]
    arguments += ["--short"] if trial.short else []
    printed = await in_mount_namespace(arguments, trial.folder)
    said = json.loads(printed.splitlines()[-1])
    problems = tuple(Problem(Kind(kind), sentence) for kind, sentence in said.pop("problems"))
    return Account(problems=problems, **said)
