"""What a fault of the rig is: something cruel that is done to a running service, and the account of what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Account:
    """What was done, what was checked afterwards, and what the checker said.

    `times` counts how often the fault befell the run, `commands` the RPCs and messages that were asked, `events` those of the
    log that were compared with the stream. `stall_seconds` is the longest time for which nobody was answered, None where
    that was not measured.
    """

    times: int
    commands: int
    events: int
    problems: tuple[str, ...]
    stall_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What one run of a fault gets: a folder of its own, the seed of all chance in it, and whether it is to be short."""

    folder: Path
    seed: int
    short: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault by its name on the command line (words joined by dashes) and its title in the table of docs/reliability.md."""

    name: str
    title: str
    run: Callable[[Trial], Awaitable[Account]]
    in_short_form: bool = True
    """Whether `make test` does it too, in short; what it does not, it does in another way, or leaves to `make faults`."""
    to_processes: bool = True
    """Whether its times count what befell running processes: not what is simulated, sent as input, or looked at."""
