"""A disk that keeps what was synced, in memory: files, folders, and what a power failure leaves of them.

Rules of the journal (the default), as ext4, XFS and btrfs keep them: the data and the size of a file are safe once that file
is synced; names (creations, renames, removals) are journalled in order, and any sync makes all earlier ones safe. With
`strict_names`, what POSIX promises and no more: a name is safe once its folder is synced.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from tests.faults.power_loss.nodes import PAGE_BYTES, SECTOR_BYTES, File, Folder, Node, Renaming

if TYPE_CHECKING:
    import random


class Disk:
    """One disk from the moment when the power comes until it fails. Not for several threads at once.

    With `sync_lies` nothing more reaches the disk, whatever is synced.
    """

    def __init__(self, root: Folder | None = None, *, strict_names: bool = False, sync_lies: bool = False) -> None:
        self.root = root or Folder()
        self.syncs = 0
        self._strict_names = strict_names
        self._sync_lies = sync_lies
        self._journal: list[Renaming] = []

    def find(self, path: str) -> Node:
        """Find what a path names. Raises FileNotFoundError, NotADirectoryError."""
        node: Node = self.root
        for name in filter(None, path.split("/")):
            if not isinstance(node, Folder):
                raise NotADirectoryError(errno.ENOTDIR, path)
            if name not in node.entries:
                raise FileNotFoundError(errno.ENOENT, path)
            node = node.entries[name]
        return node

    def add(self, path: str, node: Node) -> None:
        """Give a new file or folder its name. Raises FileExistsError."""
        folder, name = self._parent(path)
        if name in folder.entries:
            raise FileExistsError(errno.EEXIST, path)
        self._rename((folder, name, node))

    def remove(self, path: str) -> None:
        """Take a name away. Raises OSError if it is that of a folder which is not empty."""
        node = self.find(path)
        if isinstance(node, Folder) and node.entries:
            raise OSError(errno.ENOTEMPTY, path)
        self._rename((*self._parent(path), None))

    def rename(self, old: str, new: str) -> None:
        """Rename, replacing what has the new name, in one step."""
        node = self.find(old)
        folder, name = self._parent(new)
        replaced = folder.entries.get(name)
        if isinstance(replaced, Folder) and replaced.entries:
            raise OSError(errno.ENOTEMPTY, new)
        self._rename((*self._parent(old), None), (folder, name, node))

    def sync(self, node: Node) -> None:
        """Keep for good what an fsync of this file or folder promises to keep."""
        self.syncs += 1
        if self._sync_lies:
            return
        if isinstance(node, File):
            node.keep()
        if not self._strict_names:
            self._keep_names(len(self._journal))
        elif isinstance(node, Folder):
            self._keep_names_of(node)

    def fail(self, chance: random.Random | None) -> None:
        """Lose what was not synced: all of it, or what chance takes.

        By chance a beginning of the journal survives (of strict names any part of it), and of each file's data any pieces:
        pages or, in one failure of two, sectors.
        """
        if chance is not None:
            self._keep_some_names(chance)
            unit, surviving = chance.choice((PAGE_BYTES, SECTOR_BYTES)), chance.random()
            for file in _files(self.root):
                pieces = [piece for act in file.unsynced for piece in act.torn(unit)]
                file.unsynced = [piece for piece in pieces if chance.random() < surviving]
                file.keep()
        self._journal.clear()
        _forget(self.root)

    def _parent(self, path: str) -> tuple[Folder, str]:
        above, _, name = path.rpartition("/")
        folder = self.find(above)
        if not isinstance(folder, Folder):
            raise NotADirectoryError(errno.ENOTDIR, above)
        return folder, name

    def _rename(self, *names: tuple[Folder, str, Node | None]) -> None:
        for folder, name, node in names:
            if node is None:
                del folder.entries[name]
            else:
                folder.entries[name] = node
        self._journal.append(Renaming(names))

    def _keep_names(self, count: int) -> None:
        for renaming in self._journal[:count]:
            renaming.keep()
        del self._journal[:count]

    def _keep_names_of(self, folder: Folder) -> None:
        """Keep what touches this folder, and whatever that depends on."""
        touched, kept = {id(folder)}, []
        for renaming in reversed(self._journal):
            if renaming.folders & touched:
                touched |= renaming.folders
                kept.append(renaming)
        for renaming in reversed(kept):
            renaming.keep()
            self._journal.remove(renaming)

    def _keep_some_names(self, chance: random.Random) -> None:
        if not self._strict_names:
            self._keep_names(chance.randint(0, len(self._journal)))
            return
        for renaming in self._journal:
            if chance.random() < 1 / 2:
                renaming.keep()


def _files(folder: Folder) -> list[File]:
    """Every file that has, or had, a name on the disk or in memory; each once, in an order that chance can repeat."""
    found: dict[int, File] = {}
    for node in [*folder.entries.values(), *folder.kept.values()]:
        for file in [node] if isinstance(node, File) else _files(node):
            found[id(file)] = file
    return list(found.values())


def _forget(folder: Folder) -> None:
    folder.entries = dict(folder.kept)
    for node in folder.entries.values():
        if isinstance(node, Folder):
            _forget(node)
        else:
            node.content = bytearray(node.kept)
            node.unsynced.clear()
