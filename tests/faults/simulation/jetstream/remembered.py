"""What a consumer remembers: how far it has delivered, what of that is not acknowledged, and how often each was delivered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


@dataclass(slots=True)
class Pending:
    """A delivered message that was not acknowledged; delivered again when it is `due`."""

    consumer_sequence: int
    due: float
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class Remembered:
    """The part of a consumer that is on disk; a server that dies comes back with what was written last."""

    next_sequence: int
    consumer_sequence: int = 0
    pending: dict[int, Pending] = field(default_factory=dict)
    deliveries: dict[int, int] = field(default_factory=dict)

    def copy(self) -> Remembered:
        """Answer a copy without timers."""
        pending = {sequence: Pending(one.consumer_sequence, one.due) for sequence, one in self.pending.items()}
        return Remembered(self.next_sequence, self.consumer_sequence, pending, dict(self.deliveries))
