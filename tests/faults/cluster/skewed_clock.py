"""Runs a module whose wall clock is not right: `python -m tests.faults.cluster.skewed_clock OFFSET_FILE MODULE ARGUMENTS...`.

Whatever the Python code of that process reads the time by is off by the hours that a file holds at the moment: time.time,
time.time_ns, datetime.now and the time in a UUIDv7. The monotonic clock is as it was, as it is when a machine's clock is set.
A library that lies about the clock to the whole process would not do: gRPC's own timers wait for the kernel's clock then.
"""

from __future__ import annotations

import datetime as dt
import runpy
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uuid_utils

if TYPE_CHECKING:
    from collections.abc import Callable

_TRUE_DATETIME = dt.datetime
_SECONDS_AN_HOUR, _NANOSECONDS, _NANOSECONDS_A_MILLISECOND = 3600, 1_000_000_000, 1_000_000
_BITS_BELOW_TIME = 80


class _AnyDatetime(type):
    """What is a datetime to others is one to those who were given ours."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _TRUE_DATETIME)


def skew(offset: Path) -> None:
    """Replace what tells the time, for all that is imported afterwards."""
    true_time_ns = time.time_ns

    def time_ns() -> int:
        return true_time_ns() + int(offset.read_text(encoding="ascii")) * _SECONDS_AN_HOUR * _NANOSECONDS

    class Skewed(_TRUE_DATETIME, metaclass=_AnyDatetime):
        """A datetime whose now is another."""

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:  # noqa: ANN401 - the class that it stands for
            return _TRUE_DATETIME.fromtimestamp(time_ns() / _NANOSECONDS, tz)

    replacements: list[tuple[Any, str, Callable[..., Any]]] = [
        (time, "time_ns", time_ns),
        (time, "time", lambda: time_ns() / _NANOSECONDS),
        (dt, "datetime", Skewed),
        (uuid_utils, "uuid7", _uuid7(uuid_utils.uuid7, time_ns)),
    ]
    for module, name, replacement in replacements:
        setattr(module, name, replacement)


def _uuid7(true_uuid7: Callable[[], uuid_utils.UUID], time_ns: Callable[[], int]) -> Callable[[], uuid_utils.UUID]:
    """Put our time into what is made: its first 48 bits are milliseconds."""

    def uuid7() -> uuid_utils.UUID:
        rest = true_uuid7().int & ((1 << _BITS_BELOW_TIME) - 1)
        return uuid_utils.UUID(int=time_ns() // _NANOSECONDS_A_MILLISECOND << _BITS_BELOW_TIME | rest)

    return uuid7


def main() -> None:
    """Become the module."""
    _, offset, module, *arguments = sys.argv
    skew(Path(offset))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
