"""Files and folders of the forgetful disk, each as programs see it and as the disk has it."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from typing import NamedTuple

PAGE_BYTES, SECTOR_BYTES = 4096, 512


class Write(NamedTuple):
    """Bytes that went to a place of a file."""

    offset: int
    data: bytes

    def apply(self, content: bytearray) -> None:
        """Do it; what lies between the end and the offset becomes zeros."""
        if len(content) < self.offset:
            content.extend(bytes(self.offset - len(content)))
        content[self.offset : self.offset + len(self.data)] = self.data

    def torn(self, unit: int) -> list[Write | Truncation]:
        """Answer the pieces that reach the disk one by one."""
        pieces: list[Write | Truncation] = []
        position = self.offset
        while position < self.offset + len(self.data):
            end = min((position // unit + 1) * unit, self.offset + len(self.data))
            pieces.append(Write(position, self.data[position - self.offset : end - self.offset]))
            position = end
        return pieces


class Truncation(NamedTuple):
    """A file became shorter, or longer by zeros."""

    size: int

    def apply(self, content: bytearray) -> None:
        """Do it."""
        del content[self.size :]
        content.extend(bytes(self.size - len(content)))

    def torn(self, _unit: int) -> list[Write | Truncation]:
        """Answer itself: it happens or it does not."""
        return [self]


@dataclass(eq=False)
class File:
    """A file as programs see it, as the disk has it, and what lies between the two."""

    mode: int = stat.S_IFREG | 0o600
    content: bytearray = field(default_factory=bytearray)
    kept: bytearray = field(default_factory=bytearray)
    unsynced: list[Write | Truncation] = field(default_factory=list)
    changed_ns: int = 0

    def do(self, act: Write | Truncation) -> None:
        """Change it, in memory alone."""
        act.apply(self.content)
        self.unsynced.append(act)

    def keep(self) -> None:
        """Bring to the disk what is unsynced."""
        for act in self.unsynced:
            act.apply(self.kept)
        self.unsynced.clear()


@dataclass(eq=False)
class Folder:
    """A folder as programs see it, and the names in it that the disk has."""

    mode: int = stat.S_IFDIR | 0o700
    entries: dict[str, Node] = field(default_factory=dict)
    kept: dict[str, Node] = field(default_factory=dict)
    changed_ns: int = 0


Node = File | Folder


class Renaming(NamedTuple):
    """Names that change in one step: in which folder, which name, and what it stands for from then on (None: nothing)."""

    names: tuple[tuple[Folder, str, Node | None], ...]

    @property
    def folders(self) -> set[int]:
        """Which folders it touches."""
        return {id(folder) for folder, _, _ in self.names}

    def keep(self) -> None:
        """Bring it to the disk."""
        for folder, name, node in self.names:
            if node is None:
                folder.kept.pop(name, None)
            else:
                folder.kept[name] = node
