"""A small file system in a mount namespace: for a program of the rig that is started in it, and for nobody else."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import unittest
from typing import TYPE_CHECKING

from examples.world.processes import dying_with_us

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_BLOCK = bytes(64 << 10)


async def in_mount_namespace(arguments: Sequence[str], folder: Path) -> str:
    """Run this Python with these arguments where it can mount what nobody else sees, and answer what it printed.

    Raises:
        RuntimeError: it failed; or, in CI, this machine lets nobody mount.
        unittest.SkipTest: this machine lets nobody mount; a test is then named as not run.

    """
    enter = ["unshare", "--mount", "--propagation", "private", *(() if os.geteuid() == 0 else ("--map-root-user",))]
    await _require_mounting(enter, folder)
    program = await asyncio.create_subprocess_exec(
        *dying_with_us([*enter, sys.executable, *arguments]), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await program.communicate()
    if program.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)} ended with status {program.returncode}:\n{printed.decode()}")
    return printed.decode()


async def _require_mounting(enter: Sequence[str], folder: Path) -> None:
    place = folder / "can-mount"
    place.mkdir()
    try:
        attempt = await asyncio.create_subprocess_exec(
            *enter, *_mount(place, 1), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said = (await attempt.communicate())[0].decode().strip()
    except FileNotFoundError as error:
        said = str(error)
    else:
        if attempt.returncode == 0:
            return
    reason = f"no small disk can be mounted here (`{' '.join(enter)}` needs root, or user namespaces): {said}"
    if os.environ.get("CI"):
        raise RuntimeError(reason)
    raise unittest.SkipTest(f"not run: {reason}")


class SmallDisk:
    """A disk of some mebibytes, mounted until the program that called ends; only in a mount namespace of its own."""

    def __init__(self, place: Path, mebibytes: int) -> None:
        place.mkdir(parents=True)
        subprocess.run(_mount(place, mebibytes), check=True)  # noqa: S603 - our own arguments
        self.place = place
        self._ballast = place / "ballast"

    def fill(self) -> None:
        """Take all the space that is left, and go on taking what others free."""
        with self._ballast.open("ab", buffering=0) as ballast:
            block = _BLOCK
            while block:
                try:
                    ballast.write(block)
                except OSError:
                    block = block[: len(block) // 2]

    def free(self) -> None:
        """Give it back."""
        self._ballast.unlink()


def _mount(place: Path, mebibytes: int) -> list[str]:
    return ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(place)]
