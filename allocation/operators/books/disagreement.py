"""What two books say differently, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stock.allocation.admin.v1.admin_service_pb2 import LineCorrection

REPAIR = "allocation verify --repair"
RESTORE = "restore the database from a backup of before, and compare: this cannot be concluded from what is left"


@dataclass(frozen=True)
class Disagreement:
    """One thing that is not what the other books say; `advice` says what to do about it.

    Without a sku it is about the service's own books. A line that does not stand where the log says brings its correction.
    """

    kind: str
    sku: str
    what: str
    found: str
    should_be: str
    advice: str = REPAIR
    correction: LineCorrection | None = None

    @property
    def is_repairable(self) -> bool:
        """Whether `--repair` mends it."""
        return self.advice == REPAIR
