"""What a disk holds while it has no power: a plain folder, that can be looked at after a failure."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from tests.faults.power_loss.nodes import File, Folder

if TYPE_CHECKING:
    from pathlib import Path


def read_platter(path: Path) -> Folder:
    """Read everything below a plain folder."""
    status = path.stat()
    folder = Folder(status.st_mode, changed_ns=status.st_mtime_ns)
    for entry in sorted(path.iterdir()):
        if entry.is_dir():
            folder.entries[entry.name] = read_platter(entry)
        else:
            status, content = entry.stat(), entry.read_bytes()
            folder.entries[entry.name] = File(
                status.st_mode, bytearray(content), bytearray(content), changed_ns=status.st_mtime_ns
            )
    folder.kept = dict(folder.entries)
    return folder


def write_platter(folder: Folder, path: Path) -> None:
    """Write everything to a plain folder that does not exist yet."""
    path.mkdir()
    for name, node in folder.entries.items():
        if isinstance(node, Folder):
            write_platter(node, path / name)
        else:
            (path / name).write_bytes(node.content)
            (path / name).chmod(stat.S_IMODE(node.mode))
    path.chmod(stat.S_IMODE(folder.mode))
