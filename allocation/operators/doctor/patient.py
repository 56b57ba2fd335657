"""All that was looked at before it is judged: the settings, the folder, the database, the service and the broker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from allocation.adapters.sql.inspection import Inspection
    from allocation.operators.doctor.broker import Broker
    from allocation.operators.doctor.process import Running
    from allocation.operators.outbox_verification import Verification
    from allocation.settings import Settings


@dataclass
class Patient:
    """What is examined. `database` is None where the settings name no SQLite file; what could not be seen says why."""

    settings: Settings
    now: datetime
    database: Path | None
    inspection: Inspection | None
    not_inspected: str
    broker: Broker | None
    not_connected: str
    running: Running
    verification: Verification | None = None
    """None: the events of the log and those of the stream were not compared."""
    not_verified: str = ""
    """Why they could not be; empty if nobody asked for it."""

    @property
    def folder(self) -> Path | None:
        """The data folder: where the database is."""
        return None if self.database is None else self.database.parent

    def age(self, instant: datetime) -> float:
        """Answer how many seconds ago an instant was."""
        return (self.now.astimezone(UTC) - instant).total_seconds()
