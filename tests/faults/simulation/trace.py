"""What happened in a history, in order: every message, transaction and fault, and a hash over all of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Trace:
    """Writes lines that begin with the virtual time; unless it `records`, it drops them, since most histories are dull."""

    def __init__(self, now: Callable[[], float], *, records: bool) -> None:
        self._now = now
        self._digest = hashlib.sha256()
        self.records = records
        self.lines: list[str] = []

    def add(self, what: str, *details: object) -> None:
        """Write a line."""
        if self.records:
            line = f"{self._now():12.6f} {what} {' '.join(map(str, details))}"
            self.lines.append(line)
            self._digest.update(line.encode())

    @property
    def digest(self) -> str:
        """The hash over all lines."""
        return self._digest.hexdigest()
