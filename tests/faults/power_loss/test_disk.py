"""What a failure of its power leaves of a disk."""

from __future__ import annotations

import random

import pytest

from tests.faults.power_loss.disk import Disk
from tests.faults.power_loss.nodes import PAGE_BYTES, File, Folder, Truncation, Write


def test_data_that_was_synced_survives_and_the_rest_does_not() -> None:
    disk, file = Disk(), File()
    disk.add("/log", file)
    file.do(Write(0, b"safe"))
    disk.sync(file)
    file.do(Write(4, b" and gone"))
    file.do(Truncation(2))

    disk.fail(None)

    assert _content(disk, "/log") == b"safe"


def test_a_name_is_safe_with_any_later_sync_unless_names_are_strict() -> None:
    for strict_names in (False, True):
        disk, file = Disk(strict_names=strict_names), File()
        disk.add("/log", file)
        file.do(Write(0, b"safe"))
        disk.sync(file)
        disk.fail(None)
        assert ("log" in disk.root.entries) is not strict_names


def test_a_strict_name_is_safe_once_its_folder_is_synced_with_what_it_depends_on() -> None:
    disk, old, new = Disk(strict_names=True), Folder(), Folder()
    disk.add("/old", old)
    disk.add("/new", new)
    disk.sync(disk.root)
    disk.add("/old/log", File())
    disk.rename("/old/log", "/new/log")
    disk.sync(new)

    disk.fail(None)

    assert list(disk.root.entries) == ["old", "new"]
    assert (list(old.entries), list(new.entries)) == ([], ["log"])


def test_a_rename_happens_whole_or_not_at_all() -> None:
    found = set()
    for seed in range(20):
        disk = Disk()
        for name, content in (("/draft", b"new"), ("/file", b"old")):
            file = File()
            disk.add(name, file)
            file.do(Write(0, content))
            disk.sync(file)
        disk.rename("/draft", "/file")
        disk.fail(random.Random(seed))  # noqa: S311 - repeatable, keeps no secret
        found.add((_content(disk, "/file"), "draft" in disk.root.entries))

    assert found == {(b"old", True), (b"new", False)}


def test_pages_survive_out_of_order() -> None:
    survivors = set()
    for seed in range(50):
        disk, file = Disk(), File()
        disk.add("/log", file)
        disk.sync(file)
        file.do(Write(0, b"1" * PAGE_BYTES + b"2" * PAGE_BYTES))
        disk.fail(random.Random(seed))  # noqa: S311 - repeatable, keeps no secret
        content = _content(disk, "/log")
        survivors.add((content[:1], content[PAGE_BYTES : PAGE_BYTES + 1]))

    assert {(b"\0", b"2"), (b"1", b""), (b"1", b"2"), (b"", b"")} <= survivors


def test_a_removed_file_is_back_unless_something_was_synced() -> None:
    for syncs in (False, True):
        disk, file, other = Disk(), File(), File()
        disk.add("/log", file)
        disk.add("/other", other)
        disk.sync(file)
        disk.remove("/log")
        if syncs:
            disk.sync(other)
        disk.fail(None)
        assert ("log" in disk.root.entries) is not syncs


def test_a_disk_that_lies_keeps_nothing() -> None:
    disk, file = Disk(sync_lies=True), File()
    disk.add("/log", file)
    file.do(Write(0, b"promised"))
    disk.sync(file)

    disk.fail(None)

    assert disk.root.entries == {}


def test_refuses_what_a_file_system_refuses() -> None:
    disk = Disk()
    disk.add("/folder", Folder())
    disk.add("/folder/file", File())

    with pytest.raises(FileExistsError):
        disk.add("/folder", Folder())
    with pytest.raises(OSError, match="/folder"):
        disk.remove("/folder")
    with pytest.raises(FileNotFoundError):
        disk.find("/nothing")
    with pytest.raises(NotADirectoryError):
        disk.find("/folder/file/below")


def _content(disk: Disk, path: str) -> bytes:
    file = disk.find(path)
    assert isinstance(file, File)
    return bytes(file.content)
