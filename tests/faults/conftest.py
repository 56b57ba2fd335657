"""The scene of a crash. The seed of all chance is printed by every run; what was asked is shown when a test fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.load import SEED
from tests.faults.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_SEED_SHOWN = f"faults: seed {SEED}; FAULTS_SEED={SEED} repeats what happens by chance"


def pytest_report_collectionfinish() -> str:
    """Print the seed before the tests run: one that hangs or is interrupted can be repeated, too."""
    return _SEED_SHOWN


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the seed below the failures as well, and however little is to be printed."""
    terminalreporter.write_line(_SEED_SHOWN)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A service of this test's own, not yet started."""
    with Scene(tmp_path) as prepared:
        yield prepared
        print(prepared.load.ledger)  # noqa: T201 - shown when the test fails
