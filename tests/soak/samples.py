"""What is looked at every few seconds: how much the service and its broker hold, and what waits."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service_process import ServiceProcess


@dataclass(frozen=True, slots=True)
class Sample:
    """One look; `seconds` since the load began. The broker's figures are None while it is being restarted."""

    seconds: float
    answers: int
    service_memory: int
    service_descriptors: int
    service_connections: int
    service_threads: int
    broker_memory: int | None
    broker_descriptors: int | None
    database_bytes: int
    wal_bytes: int
    outbox_rows: int
    parked_rows: int

    def shown(self) -> str:
        """Say the most of it in a line."""
        return (
            f"{self.seconds / 60:5.1f} minutes, {self.answers:,} answers, {self.service_memory >> 20} MiB, "
            f"{self.service_descriptors} files, {self.service_connections} connections, {self.service_threads} threads"
        )


def look(service: ServiceProcess, seconds: float, answers: int) -> Sample:
    """Look at everything once."""
    process = psutil.Process(service.pid)
    broker_memory, broker_descriptors = _broker(service)
    outbox_rows, parked_rows = _rows(service.database)
    with process.oneshot():
        return Sample(
            seconds=round(seconds, 1),
            answers=answers,
            service_memory=process.memory_info().rss,
            service_descriptors=process.num_fds(),
            service_connections=len(process.net_connections("tcp")),
            service_threads=process.num_threads(),
            broker_memory=broker_memory,
            broker_descriptors=broker_descriptors,
            database_bytes=service.database.stat().st_size,
            wal_bytes=_size(service.database.with_name(service.database.name + "-wal")),
            outbox_rows=outbox_rows,
            parked_rows=parked_rows,
        )


def _broker(service: ServiceProcess) -> tuple[int | None, int | None]:
    try:
        broker = psutil.Process(service.broker_pid)
        return broker.memory_info().rss, broker.num_fds()
    except (psutil.Error, OSError, ValueError, KeyError):
        return None, None


def _rows(database: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
        outbox, parked = (connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _COUNTED)  # noqa: S608 - our own names
    return outbox, parked


_COUNTED = ("outbox", "parked_messages")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
