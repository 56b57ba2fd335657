"""One service per data folder."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from allocation.adapters import data_folder
from allocation.adapters.data_folder import DataFolder, DataFolderInUseError
from allocation.adapters.file_lock import FileLock
from allocation.adapters.startup_error import StartupError
from tests.integration.embedded_broker.processes import WITHIN_SECONDS, broker_of, service

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_second_service_is_refused_and_told_the_pid_of_the_first(path: Path, port: int) -> None:
    async with service(path, port) as first:
        await broker_of(first)
        with pytest.raises(DataFolderInUseError) as refusal:
            DataFolder(path).lock()
    assert str(refusal.value) == (
        f"another service (pid {first.pid}) already uses {path}; stop it, or set ALLOCATION_DATA_FOLDER to another folder"
    )


async def test_a_killed_service_leaves_the_folder_to_the_next(path: Path, port: int) -> None:
    async with service(path, port) as first:
        await broker_of(first)
    with DataFolder(path) as folder:
        assert folder.is_locked


def test_the_same_process_cannot_lock_a_folder_twice(path: Path) -> None:
    with DataFolder(path) as folder:
        with pytest.raises(DataFolderInUseError, match=f"pid {os.getpid()}"):
            DataFolder(path).lock()
        with pytest.raises(DataFolderInUseError, match=f"pid {os.getpid()}"):
            folder.lock()
        assert folder.is_locked


def test_a_closed_folder_can_be_locked_again(path: Path) -> None:
    folder = DataFolder(path)
    with folder:
        pass
    assert not folder.is_locked
    with folder:
        assert folder.is_locked


def test_a_child_process_does_not_inherit_the_lock(path: Path) -> None:
    folder = DataFolder(path).lock()
    with subprocess.Popen(
        ["/bin/sh", "-c", "echo running; read forever"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # As careless as a library that knows nothing of our lock.
        close_fds=False,
    ) as child:
        # Until the child runs a program of its own it is a copy of us, locks included.
        assert child.stdout
        assert child.stdout.readline() == b"running\n"
        folder.close()
        lock = FileLock(path / "service.lock")
        assert lock.take()
        lock.release()
        assert child.poll() is None
        child.communicate(timeout=WITHIN_SECONDS)


@pytest.fixture
def dead_service(path: Path) -> FileLock:
    """Hold the lock in the place of a service that is dead."""
    DataFolder(path).lock().close()
    with subprocess.Popen(["/bin/sh", "-c", "exit"]) as process:
        process.wait(timeout=WITHIN_SECONDS)
    (path / "service.lock").write_text(f"{process.pid}\n", encoding="utf-8")
    lock = FileLock(path / "service.lock")
    assert lock.take()
    return lock


def test_a_lock_that_outlives_its_service_for_a_moment_is_waited_for(path: Path, dead_service: FileLock) -> None:
    release = threading.Timer(0.05, dead_service.release)
    release.start()
    with DataFolder(path) as folder:
        assert folder.is_locked
    release.join(WITHIN_SECONDS)


def test_a_lock_that_outlives_its_service_for_long_is_refused(
    path: Path,
    dead_service: FileLock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(data_folder, "DEAD_HOLDER_LETS_GO_WITHIN_SECONDS", 0.05)
    with pytest.raises(DataFolderInUseError):
        DataFolder(path).lock()
    dead_service.release()


def test_the_folder_is_made_for_its_owner_alone(path: Path) -> None:
    DataFolder(path / "below")
    assert stat.S_IMODE((path / "below").stat().st_mode) == 0o700


def test_a_file_in_place_of_the_folder_is_told_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.touch()
    with pytest.raises(StartupError) as refusal:
        DataFolder(file)
    assert str(refusal.value) == (
        f"the data folder {file} cannot be used: it is not a folder; "
        "set ALLOCATION_DATA_FOLDER to a folder that this user can write to"
    )


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match=r"^the data folder .* cannot be used: Not a directory; set ALLOCATION_"):
        DataFolder(tmp_path / "file" / "data")


def test_a_lock_that_cannot_be_opened_is_told_in_one_line(path: Path) -> None:
    folder = DataFolder(path)
    (path / "service.lock").mkdir()
    with pytest.raises(StartupError, match=r"^the data folder .* cannot be used: Is a directory; set ALLOCATION_"):
        folder.lock()
    assert not folder.is_locked
