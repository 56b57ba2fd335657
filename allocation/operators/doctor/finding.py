"""What a check finds, how bad it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad it is: a note asks for nothing, or says what could not be looked at."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, with its value and the limit; `advice` is a command or a setting, empty if all is well."""

    level: Level
    found: str
    advice: str = ""


def ok(found: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, found)


def note(found: str, advice: str = "") -> Finding:
    """Worth knowing."""
    return Finding(Level.NOTE, found, advice)


def warning(found: str, advice: str) -> Finding:
    """Will go wrong, or weakens a promise."""
    return Finding(Level.WARNING, found, advice)


def error(found: str, advice: str) -> Finding:
    """Goes wrong now, or a promise does not hold."""
    return Finding(Level.ERROR, found, advice)


def duration(seconds: float) -> str:
    """Write a duration in the unit that is easiest to read."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.1f} seconds" if seconds < 10 else f"{seconds:.0f} seconds"  # noqa: PLR2004 - below it tenths matter


def size(count: float) -> str:
    """Write a number of bytes in the unit that is easiest to read."""
    for unit, length in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count:.0f} bytes"
