"""Every fault that is quick enough, in its short form: nothing is lost, doubled, stuck, out of order or oversold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.fault import Trial
from tests.faults.load import SEED
from tests.faults.registry import FAULTS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.in_short_form])
async def test_nothing_is_broken_by(name: str, tmp_path: Path) -> None:
    account = await FAULTS[name].run(Trial(tmp_path, SEED, short=True))

    assert account.problems == ()
    assert account.times > 0
