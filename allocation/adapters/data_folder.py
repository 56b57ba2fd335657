"""The folder where the service keeps everything, and the lock that lets one service live in it."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

from allocation.adapters.file_lock import FileLock
from allocation.adapters.startup_error import StartupError

if TYPE_CHECKING:
    from types import TracebackType


POLL_SECONDS = 0.01
DEAD_HOLDER_LETS_GO_WITHIN_SECONDS = 2.0


class DataFolderInUseError(StartupError):
    """Another service lives in the folder; nothing in it was touched. `process_id` is 0 if it has not said which it is."""

    def __init__(self, path: Path, process_id: int) -> None:
        super().__init__(
            f"another service (pid {process_id or 'unknown'}) already uses {path}; "
            "stop it, or set ALLOCATION_DATA_FOLDER to another folder"
        )
        self.process_id = process_id


class DataFolder:
    """The data folder, created for its owner alone if it is missing.

    Raises:
        StartupError: there can be no such folder, or it cannot be written to.

    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).resolve()
        try:
            _make(self.path)
        except FileExistsError:
            raise self._unusable("it is not a folder") from None
        except OSError as error:
            raise self._unusable(error.strerror) from error
        # Otherwise the first part that has to write would tell it, in words of its own.
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise self._unusable("it is not writable")
        self._lock = FileLock(self.path / "service.lock")

    @property
    def is_locked(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock.is_held

    def lock(self) -> Self:
        """Take `service.lock`, before anything else in the folder is touched; nobody waits for a service that lives.

        No program that we start inherits it, so that it is free as soon as we are dead.

        Raises:
            DataFolderInUseError: it is held, by another process or by another part of this one.
            StartupError: the lock cannot be taken at all.

        """
        try:
            taken = self._take()
            if taken:
                os.ftruncate(self._lock.descriptor, 0)
                os.pwrite(self._lock.descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            self.close()
            raise self._unusable(error.strerror) from error
        if not taken:
            raise DataFolderInUseError(self.path, self._holder())
        return self

    def close(self) -> None:
        """Release the lock; harmless if it is not held."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self.lock()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _take(self) -> bool:
        # A child is a copy of the service, lock included, until it has begun its own program; if the service is killed
        # in that moment its lock outlives it by some milliseconds.
        deadline = time.monotonic() + DEAD_HOLDER_LETS_GO_WITHIN_SECONDS
        while not self._lock.take():
            if self._holder_lives() or time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _holder_lives(self) -> bool:
        holder = self._holder()
        with suppress(psutil.Error):
            return holder > 0 and psutil.Process(holder).status() != psutil.STATUS_ZOMBIE
        return False

    def _holder(self) -> int:
        """Read which process took the lock; 0 if it has not said so yet."""
        with suppress(OSError, ValueError):
            return int(self._lock.path.read_text(encoding="utf-8"))
        return 0

    def _unusable(self, reason: str | None) -> StartupError:
        return StartupError(
            f"the data folder {self.path} cannot be used: {reason}; "
            "set ALLOCATION_DATA_FOLDER to a folder that this user can write to",
        )


def _make(path: Path) -> None:
    """Create a folder and those above it that are missing, so that a power failure does not take them away again.

    What is synced inside a folder is safe, but the folder's own name only once the folder above it is synced (POSIX; ext4,
    XFS and btrfs promise more).
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in reversed(missing):
        descriptor = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
