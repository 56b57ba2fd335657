"""Every fault of the rig by its name, collected from the modules that provoke them."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from tests.faults import processes
from tests.faults.cluster import faults as cluster
from tests.faults.hostile import faults as hostile
from tests.faults.power_loss import faults as power_loss
from tests.faults.simulation import fault as simulation

if TYPE_CHECKING:
    from tests.faults.fault import Fault


def _by_name() -> dict[str, Fault]:
    found: dict[str, Fault] = {}
    for fault in chain(processes.FAULTS, simulation.FAULTS, cluster.FAULTS, power_loss.FAULTS, hostile.FAULTS):
        if fault.name in found:
            raise ValueError(f"two faults are called {fault.name}")
        found[fault.name] = fault
    return found


FAULTS: dict[str, Fault] = _by_name()
