"""The scene of a crash; its seed and what was asked are printed, and shown when a test fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.load import SEED
from tests.faults.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def seed_is_shown() -> None:
    """Print by which seed a test that fails can be repeated."""
    print(f"again with FAULTS_SEED={SEED}")  # noqa: T201 - see above


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A service of this test's own, not yet started."""
    with Scene(tmp_path) as prepared:
        yield prepared
        print(prepared.load.ledger)  # noqa: T201 - see above
