"""Faults of network, service and broker, each done to the real service as a process, with callers and publishers at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.fault import Fault

FAULTS: tuple[Fault, ...] = ()
