"""The mounted disk is one that programs can work on: SQLite with its shared memory, synced writes, files without a name."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.faults.power_loss.forgetful_disk import ForgetfulDisk
from tests.faults.power_loss.prerequisites import need_forgetful_disk
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[ForgetfulDisk]:
    """A disk with power."""
    need_forgetful_disk()
    with ForgetfulDisk(tmp_path / "mount", tmp_path / "platter") as plugged_in:
        plugged_in.plug_in()
        yield plugged_in


@pytest.mark.parametrize(("synchronous", "survivors"), [("FULL", 20), ("OFF", 0)])
def test_a_transaction_survives_if_sqlite_synced_it(disk: ForgetfulDisk, synchronous: str, survivors: int) -> None:
    with closing(sqlite3.connect(disk.mount / "database", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE lines (number INTEGER)")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        for number in range(20):
            connection.execute("INSERT INTO lines VALUES (?)", (number,))
        _fail(disk)
        disk.unplug()

    disk.plug_in()
    with closing(sqlite3.connect(disk.mount / "database")) as connection:
        assert connection.execute("SELECT count(*) FROM lines").fetchone() == (survivors,)


def test_what_is_written_to_a_file_that_was_opened_to_be_synced_survives(disk: ForgetfulDisk) -> None:
    for name, flags in (("synced", os.O_SYNC), ("lazy", 0)):
        descriptor = os.open(disk.mount / name, os.O_CREAT | os.O_WRONLY | flags)
        os.write(descriptor, b"content")
        os.close(descriptor)

    _fail(disk)
    disk.unplug()

    assert (disk.platter / "synced").read_bytes() == b"content"
    assert not (disk.platter / "lazy").exists()


def test_a_file_that_is_removed_while_it_is_open_can_be_used(disk: ForgetfulDisk) -> None:
    with (disk.mount / "draft").open("w+b", buffering=0) as file:
        (disk.mount / "draft").unlink()
        file.write(b"content of a draft")
        file.truncate(7)
        file.seek(0)
        assert file.read() == b"content"
        assert list(disk.mount.iterdir()) == []


def _fail(disk: ForgetfulDisk) -> None:
    disk.fail()
    wait_until(lambda: disk.has_failed)
