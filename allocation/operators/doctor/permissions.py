"""Who may read and write what the service keeps, and what must stay secret."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from allocation.operators.doctor.finding import error, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from allocation.operators.doctor.finding import Finding
    from allocation.operators.doctor.patient import Patient
    from allocation.settings import Settings

_PARTS = ("", "-wal", "-shm")


def check_permissions(patient: Patient) -> Iterator[Finding]:
    """Say who may do what, and should not, or should and may not."""
    found = list(_check_secrets(patient.settings))
    folder, database = patient.folder, patient.database
    if folder is not None and database is not None and folder.exists():
        found += _check_folder(folder)
        found += _check_files(folder, [Path(f"{database}{part}") for part in _PARTS])
    yield from found
    if not found and folder is not None and folder.exists():
        yield ok(f"{folder} and what is in it belong to one user, and to nobody else")


def _check_folder(folder: Path) -> Iterator[Finding]:
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield error(
            f"this user may not read and write {folder} (mode {mode:04o}, owner {folder.stat().st_uid})",
            "run the doctor as the user that the service runs as, or let that user own the folder",
        )
    if mode & 0o022:
        yield error(f"others may write to {folder} (mode {mode:04o}, 0700 is enough)", f"chmod 0700 {folder}")
    elif mode & 0o055:
        yield warning(f"others may look into {folder} (mode {mode:04o}, 0700 is enough)", f"chmod 0700 {folder}")


def _check_files(folder: Path, files: list[Path]) -> Iterator[Finding]:
    if not os.access(folder, os.X_OK):
        return
    owner = folder.stat().st_uid
    for path in files:
        if not path.exists():
            continue
        found = path.stat()
        if found.st_uid != owner:
            yield error(
                f"{path} belongs to user {found.st_uid}, its folder to user {owner}: something ran as another user",
                f"stop the service, then: chown {owner} {path}",
            )
        if not os.access(path, os.R_OK | os.W_OK):
            mode = stat.S_IMODE(found.st_mode)
            yield error(
                f"this user may not read and write {path} (mode {mode:04o}, owner {found.st_uid})", f"chmod u+rw {path}"
            )


def _check_secrets(settings: Settings) -> Iterator[Finding]:
    for name in ("grpc_key_file", "nats_credentials_file"):
        value = getattr(settings, name)
        if not value or not os.access(value, os.F_OK):
            continue  # One that is missing is said where it is used.
        mode = stat.S_IMODE(Path(value).stat().st_mode)
        if mode & 0o007:
            yield error(
                f"ALLOCATION_{name.upper()}={value} can be read by every user of this machine (mode {mode:04o})",
                f"chmod 0600 {value}, and renew it if others use this machine",
            )
