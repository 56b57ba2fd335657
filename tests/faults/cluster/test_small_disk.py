"""Small disks: nobody outside sees them, they are full when they are filled, and where none can be mounted that is said."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING

import pytest

from tests.faults.cluster.small_disk import in_mount_namespace

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """
import sys
from pathlib import Path
from tests.faults.cluster.small_disk import SmallDisk

disk = SmallDisk(Path(sys.argv[1]), 1)
(disk.place / "before").write_bytes(bytes(1000))
disk.fill()
try:
    (disk.place / "while-full").write_bytes(bytes(1000))
except OSError as error:
    print(error.strerror)
disk.free()
print((disk.place / "after").write_bytes(bytes(1000)))
"""


async def test_a_full_disk_takes_nothing_until_it_is_freed_and_is_seen_by_its_own_program_alone(tmp_path: Path) -> None:
    place = tmp_path / "small"

    printed = await in_mount_namespace(["-c", _PROGRAM, str(place)], tmp_path)

    assert printed.splitlines() == ["No space left on device", "1000"]
    assert list(place.iterdir()) == []


async def test_what_fails_on_a_small_disk_fails_the_trial(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with status 3"):
        await in_mount_namespace(["-c", "raise SystemExit(3)"], tmp_path)


@pytest.mark.parametrize(("in_ci", "error"), [("", unittest.SkipTest), ("true", RuntimeError)], ids=["elsewhere", "in CI"])
async def test_where_nobody_may_mount_that_is_said_and_fails_in_ci(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_ci: str, error: type[Exception]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", in_ci)

    with pytest.raises(error, match="no small disk can be mounted here"):
        await in_mount_namespace(["-c", ""], tmp_path)
