"""Whether there is room: for the database, and for what the streams may grow to where they are on the same disk."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from allocation.operators.doctor.finding import error, ok, size, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from allocation.operators.doctor.finding import Finding
    from allocation.operators.doctor.patient import Patient

FREE_BYTES_LOW, FREE_BYTES_MIN = 1 << 30, 100 << 20
_FREE_INODES_LOW = 1_000
_ADVICE = "make room, or move the data folder to a larger disk: ALLOCATION_DATA_FOLDER"


def check_disk(patient: Patient) -> Iterator[Finding]:
    """Say how much is free."""
    folder = patient.folder
    if folder is None or not folder.is_dir():
        return
    free = shutil.disk_usage(folder).free
    said = f"{size(free)} are free on the disk of {folder}"
    if free < FREE_BYTES_MIN:
        yield error(f"{said}, below {size(FREE_BYTES_MIN)}: a full disk stops the service, and freezes streams", _ADVICE)
    elif free < FREE_BYTES_LOW:
        yield warning(f"{said}, below {size(FREE_BYTES_LOW)}", _ADVICE)
    else:
        yield ok(said)
    inodes = os.statvfs(folder)
    if inodes.f_files and inodes.f_favail < _FREE_INODES_LOW:
        yield warning(f"{inodes.f_favail:,} files can be created on that disk, below {_FREE_INODES_LOW:,}", _ADVICE)
    yield from _check_growth(patient, free)


def _check_growth(patient: Patient, free: int) -> Iterator[Finding]:
    broker = patient.broker
    if broker is None or not broker.is_embedded:
        return
    growth = sum(
        max(0, stream["config"].get("max_bytes", 0) - stream["state"]["bytes"])
        for stream in (broker.inbound, broker.events)
        if stream is not None
    )
    if growth > free:
        yield warning(
            f"the streams may grow by {size(growth)}, more than is free: they would fill the disk before they are full",
            f"{_ADVICE}, or nats stream edit --max-bytes",
        )
    else:
        yield ok(f"the streams may grow by {size(growth)}, which is free")
