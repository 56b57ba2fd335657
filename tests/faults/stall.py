"""Measures the longest time for which nobody was answered who asked."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stall:
    """The stall of a crowd that asks one thing after the other: it ends when any of them is answered, or when all give up."""

    def __init__(self) -> None:
        self.longest_seconds = 0.0
        self._asking = 0
        self._since = 0.0

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Be one of the crowd for a while."""
        if self._asking == 0:
            self._since = _now()
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1
            if self._asking == 0:
                self._measure()

    def answered(self) -> None:
        """Say that one of them was answered."""
        self._measure()
        self._since = _now()

    def _measure(self) -> None:
        self.longest_seconds = max(self.longest_seconds, _now() - self._since)


def _now() -> float:
    return asyncio.get_running_loop().time()
