"""When a message that could not be dealt with is asked for again."""

from __future__ import annotations

import random

_DELAY_SECONDS_FIRST, _DELAY_SECONDS_MAX = 0.2, 5.0
_JITTER = 0.2


def delay_seconds(deliveries: int) -> float:
    """Answer how long to wait after so many deliveries: doubling to a cap, and up to a fifth more so that few coincide."""
    return _shortest(deliveries) * (1 + random.random() * _JITTER)  # noqa: S311 - spreads load, keeps no secret


def deliveries_within(seconds: float) -> int:
    """Answer how many deliveries fit into a time at most."""
    deliveries, waited = 1, 0.0
    while waited <= seconds:
        waited += _shortest(deliveries)
        deliveries += 1
    return deliveries


def _shortest(deliveries: int) -> float:
    return min(_DELAY_SECONDS_FIRST * 2.0 ** min(deliveries - 1, 30), _DELAY_SECONDS_MAX)
