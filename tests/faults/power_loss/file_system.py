"""The disk as a FUSE file system, and the failure of its power: from that moment on nothing that is asked is ever answered."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from typing import TYPE_CHECKING, Any

from mfusepy import FUSE, Operations  # type: ignore[import-untyped]

from tests.faults.power_loss.nodes import PAGE_BYTES, SECTOR_BYTES, File, Folder, Truncation, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.power_loss.disk import Disk
    from tests.faults.power_loss.nodes import Node

_BLOCKS = 1 << 24
_SYNCED_WRITES = os.O_SYNC | os.O_DSYNC


class Mount(FUSE):  # type: ignore[misc]  # the binding has no types
    """Libfuse's main loop; the binding's own forgets which open file is truncated."""

    def truncate_fuse_3(self, path: bytes | None, length: int, handle: object) -> int:
        """Truncate by path or by open file."""
        result: int = self.ftruncate(path, length, handle)
        return result


class FileSystem(Operations):  # type: ignore[misc]  # as above
    """The callbacks of libfuse over a disk; every one holds the lock, so that a failure comes between two of them.

    `fail_after` sets after how many further changes and syncs the power fails by itself; `fails` is then called in the
    middle of the operation, which never returns.
    """

    use_ns = True
    # Both let operations on a file without a name through: what is removed while it is open stays usable.
    flag_nopath = flag_nullpath_ok = 1

    def __init__(self, disk: Disk, fails: Callable[[], None]) -> None:
        self._disk = disk
        self._fails = fails
        self._lock = threading.Lock()
        self._left: int | None = None
        self._handles: dict[int, tuple[Node, int]] = {}
        self._next_handle = 1
        self._failed = False

    def fail_after(self, operations: int) -> None:
        """Let the power fail at so many changes and syncs from now."""
        with self._lock:
            self._left = operations

    def fail(self) -> None:
        """Let the power fail now, unless it has; the caller goes on, nobody else."""
        if not self._failed:
            self._lock.acquire()
            self._die()

    def getattr(self, path: str | None, fh: int | None = None) -> dict[str, Any]:
        with self._lock:
            node = self._node(path, fh)
            size = len(node.content) if isinstance(node, File) else PAGE_BYTES
            times = dict.fromkeys(("st_atime", "st_mtime", "st_ctime"), node.changed_ns)
            owner = {"st_uid": os.getuid(), "st_gid": os.getgid(), "st_nlink": 1}
            return {"st_mode": node.mode, "st_size": size, "st_blocks": -(-size // SECTOR_BYTES), **owner, **times}

    def readdir(self, path: str | None, fh: int) -> Iterator[str]:
        with self._lock:
            folder = self._node(path, fh)
            return iter([".", "..", *folder.entries] if isinstance(folder, Folder) else [])

    def open(self, path: str, flags: int) -> int:
        with self._lock:
            file = self._disk.find(path)
            if flags & os.O_TRUNC and isinstance(file, File):
                self._change(file, Truncation(0))
            return self._handle(file, flags)

    def create(self, path: str, mode: int, fi: Any = 0) -> int:  # noqa: ANN401 - libfuse's flags
        with self._lock:
            self._count()
            file = File(mode | stat.S_IFREG)
            self._disk.add(path, file)
            return self._handle(file, fi)

    def opendir(self, path: str) -> int:
        with self._lock:
            return self._handle(self._disk.find(path), 0)

    def read(self, path: str | None, size: int, offset: int, fh: int) -> bytes:
        with self._lock:
            file = self._file(path, fh)
            return bytes(memoryview(file.content)[offset : offset + size])

    def write(self, path: str | None, data: bytes, offset: int, fh: int) -> int:
        with self._lock:
            file = self._file(path, fh)
            self._change(file, Write(offset, data))
            if self._handles[fh][1] & _SYNCED_WRITES:
                self._sync(file)
            return len(data)

    def truncate(self, path: str | None, length: int, fh: int | None = None) -> int:
        with self._lock:
            self._change(self._file(path, fh), Truncation(length))
            return 0

    def fsync(self, path: str | None, datasync: int, fh: int) -> int:  # noqa: ARG002 - both kinds keep the size
        with self._lock:
            self._sync(self._node(path, fh))
            return 0

    fsyncdir = fsync

    def mkdir(self, path: str, mode: int) -> int:
        with self._lock:
            self._count()
            self._disk.add(path, Folder(mode | stat.S_IFDIR))
            return 0

    def unlink(self, path: str) -> int:
        with self._lock:
            self._count()
            self._disk.remove(path)
            return 0

    rmdir = unlink

    def rename(self, old: str, new: str) -> int:
        with self._lock:
            self._count()
            self._disk.rename(old, new)
            return 0

    def chmod(self, path: str | None, mode: int) -> int:
        with self._lock:
            if path is not None:  # the binding does not tell which open file is meant
                self._disk.find(path).mode = mode
            return 0

    def utimens(self, path: str | None, times: tuple[int, int] | None = None) -> int:
        with self._lock:
            if path is not None:
                self._disk.find(path).changed_ns = times[1] if times else time.time_ns()
            return 0

    def release(self, path: str | None, fh: int) -> int:  # noqa: ARG002 - libfuse's signature
        with self._lock:
            del self._handles[fh]
            return 0

    releasedir = release

    def statfs(self, path: str) -> dict[str, int]:  # noqa: ARG002 - libfuse's signature
        blocks = dict.fromkeys(("f_blocks", "f_bfree", "f_bavail"), _BLOCKS)
        return {"f_bsize": PAGE_BYTES, "f_frsize": PAGE_BYTES, "f_namemax": 255, **blocks}

    def _change(self, file: File, act: Write | Truncation) -> None:
        self._count()
        file.do(act)
        file.changed_ns = time.time_ns()

    def _sync(self, node: Node) -> None:
        self._count()
        self._disk.sync(node)

    def _count(self) -> None:
        """Count a change, or be the one at which the power fails; the lock is held then, and for ever."""
        if self._left is None:
            return
        self._left -= 1
        if self._left < 0:
            self._die()
            threading.Event().wait()

    def _die(self) -> None:
        self._failed = True
        self._fails()

    def _handle(self, node: Node, flags: int) -> int:
        handle, self._next_handle = self._next_handle, self._next_handle + 1
        self._handles[handle] = (node, flags)
        return handle

    def _node(self, path: str | None, fh: int | None) -> Node:
        if fh:
            return self._handles[fh][0]
        if path is None:
            raise OSError(errno.ENOENT, "a file without a name")
        return self._disk.find(path)

    def _file(self, path: str | None, fh: int | None) -> File:
        node = self._node(path, fh)
        if not isinstance(node, File):
            raise IsADirectoryError(errno.EISDIR, path)
        return node
