"""Instants as operators write them: a date and a time, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import typer

_AGO = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def instant(text: str) -> datetime:
    """Read ISO 8601 (UTC where it names no zone) or an age like 90s, 15m, 2h, 3d, 1w.

    Raises:
        typer.BadParameter: it is neither.

    """
    try:
        if ago := _AGO.fullmatch(text):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        given = datetime.fromisoformat(text)
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is neither a time like 2026-03-01T12:00:00Z nor an age like 90s, 15m, 2h, 3d, 1w"
        ) from None


def written(value: datetime) -> str:
    """Write an instant as ISO 8601 in UTC, to the microsecond only if it has any."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
