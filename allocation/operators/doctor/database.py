"""Whether the database is there, keeps what was committed, and is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.adapters.sql.sqlite import writer_pragmas
from allocation.operators.doctor.finding import error, note, ok

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from allocation.operators.doctor.finding import Finding
    from allocation.operators.doctor.patient import Patient

_KEPT = ("sqlite", "sqlite+aiosqlite", "memory", "")


def check_database(patient: Patient) -> Iterator[Finding]:
    """Say how durable it is."""
    kind = patient.settings.database_url.partition(":")[0]
    found = patient.inspection
    if kind not in _KEPT:
        yield error(
            f"ALLOCATION_DATABASE_URL begins with {kind!r}: this release has sqlite:///… and memory:",
            "unset it, or name a file: ALLOCATION_DATABASE_URL=sqlite:////folder/file",
        )
    elif kind == "memory":
        yield note("there is no database: memory: keeps nothing")
    elif patient.database is None:
        yield error(patient.not_inspected, "or unset ALLOCATION_DATABASE_URL: the file is then in the data folder")
    elif not _exists(patient.database):
        yield note(f"there is no database {patient.database} yet", "start the service: it creates it")
    elif found is None:
        yield error(patient.not_inspected, "restore it from a backup, or name another by ALLOCATION_DATA_FOLDER")
    else:
        yield from _durability(found.journal_mode)
        yield from _integrity(found.damages)


def _durability(journal_mode: str) -> Iterator[Finding]:
    service = writer_pragmas()
    if journal_mode.upper() != service["journal_mode"]:
        yield error(
            f"the file says journal_mode={journal_mode}, the service writes with {service['journal_mode']}: something else did",
            "stop whatever else writes to it; the next start of the service sets it right",
        )
    else:
        yield ok(
            f"SQLite: journal_mode={service['journal_mode']} in the file; the service writes over one connection with "
            f"synchronous={service['synchronous']}, so that every commit is on the disk"
        )


def _integrity(damages: list[str] | None) -> Iterator[Finding]:
    if damages is None:
        yield note("whether the file is whole was not looked at", "allocation doctor --thorough")
    elif damages:
        yield from (
            error(f"the database is damaged: {damage}", "stop the service, copy the data folder, restore the last backup")
            for damage in damages
        )
    else:
        yield ok("SQLite finds the file whole (quick_check, foreign_key_check)")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # It cannot be told: what cannot be read is said elsewhere.
