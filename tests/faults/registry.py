"""Every fault of the rig by its name, collected from the modules that provoke them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.fault import Fault

_MODULES = (
    "tests.faults.processes",
    "tests.faults.simulation.fault",
    "tests.faults.cluster.faults",
    "tests.faults.power_loss.faults",
    "tests.faults.hostile.faults",
)


def _collected() -> Iterator[Fault]:
    for name in _MODULES:
        if find_spec(name.rpartition(".")[0]) is not None and find_spec(name) is not None:
            yield from import_module(name).FAULTS


def _by_name() -> dict[str, Fault]:
    found: dict[str, Fault] = {}
    for fault in _collected():
        if fault.name in found:
            raise ValueError(f"two faults are called {fault.name}")
        found[fault.name] = fault
    return found


FAULTS: dict[str, Fault] = _by_name()
