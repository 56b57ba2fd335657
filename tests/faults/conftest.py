"""The scene of a crash; what was asked is printed, and shown when a test fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A service of this test's own, not yet started."""
    with Scene(tmp_path) as prepared:
        yield prepared
        print(prepared.load.ledger)  # noqa: T201 - see above
