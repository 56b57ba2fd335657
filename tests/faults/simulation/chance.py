"""All the chance of a history: from one seed come the latencies, the faults and what clients do."""

from __future__ import annotations

from collections import Counter
from random import Random

_LATENCY_SECONDS_MIN = 0.0002
_LATENCY_SECONDS_TYPICAL_MAX = 0.05
_SLOW_SECONDS_MAX = 15.0


class Chance:
    """Decides by a seed; `rates` says how likely each fault is at each of its occasions, `injected` counts what befell."""

    def __init__(self, seed: int) -> None:
        self.random = Random(f"history {seed}")  # noqa: S311 - varies histories, keeps no secret
        self.rates: dict[str, float] = {}
        self.injected: Counter[str] = Counter()

    def befalls(self, fault: str) -> bool:
        """Whether a fault strikes at this occasion."""
        if not self.is_so(fault):
            return False
        self.injected[fault] += 1
        return True

    def is_so(self, circumstance: str) -> bool:
        """Whether something is so that is no fault by itself, but decides what comes of one."""
        rate = self.rates.get(circumstance)
        return rate is not None and self.random.random() < rate

    def calm(self) -> None:
        """End all faults."""
        self.rates.clear()

    def latency(self, slow: str) -> float:
        """Answer how long something takes: mostly little, now and then much longer, and seconds if `slow` befalls."""
        if self.befalls(slow):
            return self.random.uniform(0.5, _SLOW_SECONDS_MAX)
        return float(_LATENCY_SECONDS_MIN + _LATENCY_SECONDS_TYPICAL_MAX * self.random.random() ** 4)

    def between(self, low: float, high: float) -> float:
        """Answer a number of a range."""
        return self.random.uniform(low, high)
