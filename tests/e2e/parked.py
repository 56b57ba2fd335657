"""The messages that were set aside, read beside the running service without disturbing it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Parked:
    """A message that was set aside, and why."""

    subject: str
    payload: bytes
    reason: str
    detail: str


def parked_message(database: Path, sequence: int) -> Parked | None:
    """Find the parked message of a place in the inbound stream."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
        found = connection.execute(
            "SELECT subject, payload, reason, detail FROM parked_messages WHERE stream = 'ALLOCATION_INBOUND' AND sequence = ?",
            (sequence,),
        ).fetchone()
    return None if found is None else Parked(*found)
