"""docs/guarantees.md names code and tests that are there, and every file it names is one that holds something."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from allocation.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
ROWS = [row.strip("| ").split(" | ") for row in TEXT.splitlines() if row.startswith("| **")]
TESTS = sorted(set(re.findall(r"`(tests/[^`]+)`", TEXT)))


@pytest.mark.parametrize("named", TESTS)
def test_a_test_that_is_named_is_there(named: str) -> None:
    path = ROOT / named
    assert path.is_file() or list(path.rglob("*.py"))


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`((?:\w+/)*\w+\.py)`", TEXT)) - set(TESTS)))
def test_a_module_that_is_named_is_there(named: str) -> None:
    assert [path for path in (ROOT / "allocation").rglob("*.py") if str(path).endswith(f"/{named}")]


def test_every_promise_names_a_test() -> None:
    assert len(ROWS) > 10
    for promise, _, tried_by in ROWS:
        assert "`tests/" in tried_by, promise


@pytest.mark.parametrize("setting", sorted(set(re.findall(r"ALLOCATION_([A-Z_]+)", TEXT))))
def test_a_setting_that_is_named_is_one(setting: str) -> None:
    assert setting.lower() in Settings.model_fields
