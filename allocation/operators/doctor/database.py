"""Whether the database is there, keeps what was committed, and is whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from allocation.adapters.sql.sqlite import writer_pragmas
from allocation.operators.doctor.finding import error, note, ok, warning
from allocation.operators.doctor.process import LOCK_FILE

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
    elif found is not None:
        yield from _durability(found.journal_mode)
        yield from _integrity(found.damages)
    elif not is_there(patient.database):
        yield _absent(patient, patient.database)
    else:
        restore = "restore it from a backup, or name another by ALLOCATION_DATA_FOLDER"
        is_ours = os.access(patient.database, os.R_OK)
        yield error(patient.not_inspected, restore if is_ours else "run the doctor as the user that the service runs as")


def _absent(patient: Patient, database: Path) -> Finding:
    """Tell a folder on which nothing was started yet, which may be a misspelt one, from a database that is gone."""
    folder = database.parent.absolute()
    if patient.running.is_running:
        return error(
            f"the service runs, and there is no database {database.name} in {folder}: the file was removed under it",
            "stop the service, and put the file back, or a backup of it; a start without it begins with nothing",
        )
    if (folder / LOCK_FILE).exists():
        return warning(
            f"a service was started on the folder {folder}, and there is no database {database.name} in it: that start "
            "failed early, or the file was removed",
            "if it held anything, put it back, or a backup of it: a start without it begins with nothing",
        )
    missing = f"there is no database {database.name} in it" if folder.exists() else "it does not exist"
    return warning(
        f"nothing was ever started on the folder {folder}: {missing}",
        "set ALLOCATION_DATA_FOLDER or ALLOCATION_DATABASE_URL as the service has it; before its first start: start it",
    )


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


def is_there(path: Path) -> bool:
    """Whether there is a file; one that may not be looked for is taken to be there, and what cannot be read is said then."""
    try:
        return path.exists()
    except OSError:
        return True
