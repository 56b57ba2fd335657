"""When the delivered messages of a consumer that nobody has acknowledged are delivered again, and in which order."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.simulation.jetstream.remembered import Pending

_EARLY_SECONDS = 1e-6
"""By which a timer may ring before its time, as floats round."""


class Redeliveries:
    """The alarm clocks of `pending` messages; `serve` is called when one has become due."""

    def __init__(self, pending: dict[int, Pending], serve: Callable[[], None]) -> None:
        self._pending = pending
        self._serve = serve
        self._due: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._due)

    def next(self) -> int | None:
        """Take the message that became due first, if there is one."""
        while self._due:
            sequence = self._due.popleft()
            if sequence in self._pending:
                return sequence
        return None

    def wait(self, sequence: int, seconds: float) -> None:
        """Leave a delivered message alone for a while; then it is due again."""
        pending = self._pending[sequence]
        if pending.timer is not None:
            pending.timer.cancel()
        if sequence in self._due:
            self._due.remove(sequence)
        loop = asyncio.get_running_loop()
        pending.due = loop.time() + max(0.0, seconds)
        pending.timer = loop.call_at(pending.due, self.ring, sequence)

    def ring(self, sequence: int) -> None:
        """Deliver again; whatever else has become due by now goes along, in the order of the stream."""
        now = _now() + _EARLY_SECONDS
        due = {one for one, pending in self._pending.items() if pending.timer is not None and pending.due <= now}
        for one in sorted({sequence, *due} & self._pending.keys()):
            self._stop_timer(one)
            if one not in self._due:
                self._due.append(one)
        self._serve()

    def drop(self, sequence: int) -> None:
        """Never deliver it again."""
        self._stop_timer(sequence)
        del self._pending[sequence]
        if sequence in self._due:
            self._due.remove(sequence)

    def stop(self) -> None:
        """Stop all clocks."""
        for sequence in self._pending:
            self._stop_timer(sequence)
        self._due.clear()

    def go_on(self) -> None:
        """Start the clocks of all that was pending, each for the time that it has left."""
        for sequence, pending in self._pending.items():
            self.wait(sequence, pending.due - _now())

    def _stop_timer(self, sequence: int) -> None:
        pending = self._pending.get(sequence)
        if pending is not None and pending.timer is not None:
            pending.timer.cancel()
            pending.timer = None


def _now() -> float:
    return asyncio.get_running_loop().time()
