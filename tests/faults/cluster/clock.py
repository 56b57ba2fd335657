"""A wall clock that jumps by hours, forward and back, for the Python processes that were started with it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from pathlib import Path

_HOURS_MAX = 30


class Clock:
    """How far off the clock is; every jump is one of at least an hour. `hours` are all offsets that it has had."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self._file = folder / "clock-offset"
        self._chance = chance
        self.hours = [0]
        self._write()

    def jump(self) -> None:
        """Jump: to the future and back in turns, and somewhere else every time."""
        now = self.hours[-1]
        away = self._chance.randint(1, _HOURS_MAX)
        self.hours.append(away if now <= 0 else -away)
        self._write()

    def around(self, *module: str) -> tuple[str, ...]:
        """Answer the arguments of a Python that runs this module with its arguments, and goes by this clock."""
        return ("-m", "tests.faults.cluster.skewed_clock", str(self._file), *module)

    def _write(self) -> None:
        # Replaced in one step: a program that reads half an offset would be the fault of the rig.
        draft = self._file.with_suffix(".draft")
        draft.write_text(f"{self.hours[-1]}\n", encoding="ascii")
        os.replace(draft, self._file)  # noqa: PTH105 - what it is called everywhere
