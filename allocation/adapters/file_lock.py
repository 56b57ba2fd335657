"""An exclusive lock that the kernel drops by itself when its last holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class FileLock:
    """An advisory lock on a file; the file is never removed, since two processes could then hold two locks of one name.

    It belongs to the open descriptor: a child that is given the descriptor holds the lock as well, no other child does.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    @property
    def descriptor(self) -> int:
        """The open descriptor of a held lock. Raises RuntimeError if it is not held."""
        if self._descriptor is None:
            raise RuntimeError(f"{self.path} is not locked")
        return self._descriptor

    def take(self) -> bool:
        """Take the lock without waiting; False if it is held, also by another object of this process.

        Raises:
            OSError: the file cannot be opened, or its file system has no locks.

        """
        if self.is_held:
            return False
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Close our descriptor; a child that was given it keeps the lock. Harmless if it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
