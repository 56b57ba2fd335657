"""A machine without FUSE or strace says so, and a machine of CI fails."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING

import pytest

from tests.faults.power_loss.prerequisites import need_forgetful_disk, need_strace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(("need", "missing"), [(need_strace, "strace"), (need_forgetful_disk, "fuse")])
def test_what_is_missing_is_named(
    need: Callable[[], None], missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(unittest.SkipTest, match=f"not run: .*{missing}"):
        need()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(RuntimeError, match=missing):
        need()
