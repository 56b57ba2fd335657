"""The process that is the disk: `python -m tests.faults.power_loss.disk_process MOUNT PLATTER`, commanded on standard input.

It reads the platter, mounts itself and says `mounted`. `fail` lets the power fail now, `fail-after N` at the N-th change or
sync from now; it then writes what is left to the platter anew, says `failed` and answers no program any more, until it is
killed.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import threading
from pathlib import Path

from tests.faults.power_loss.disk import Disk
from tests.faults.power_loss.file_system import FileSystem, Mount
from tests.faults.power_loss.platter import read_platter, write_platter


def main() -> None:
    """Be the disk until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("mount", type=Path)
    parser.add_argument("platter", type=Path)
    parser.add_argument("--seed", type=int, help="of the chance that lets some unsynced pieces survive; without: none do")
    parser.add_argument("--strict-names", action="store_true", help="a name is safe only once its folder is synced")
    parser.add_argument("--sync-lies", action="store_true", help="what is synced is as little safe as what is not")
    arguments = parser.parse_args()
    disk = Disk(read_platter(arguments.platter), strict_names=arguments.strict_names, sync_lies=arguments.sync_lies)

    def fails() -> None:
        disk.fail(None if arguments.seed is None else random.Random(arguments.seed))  # noqa: S311 - repeatable, no secret
        shutil.rmtree(arguments.platter)
        write_platter(disk.root, arguments.platter)
        _say(f"failed {disk.syncs}")

    file_system = FileSystem(disk, fails)
    threading.Thread(target=_obey, args=(file_system,), daemon=True).start()
    Mount(
        file_system,
        str(arguments.mount),
        foreground=True,
        nothreads=True,
        hard_remove=True,
        auto_unmount=True,
        fsname="forgetful-disk",
    )


def _obey(file_system: FileSystem) -> None:
    for line in sys.stdin:
        match line.split():
            case ["fail"]:
                file_system.fail()
            case ["fail-after", operations]:
                file_system.fail_after(int(operations))
            case _:
                raise ValueError(f"{line!r} is no command: fail, or fail-after N")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - that is how it answers


if __name__ == "__main__":
    main()
