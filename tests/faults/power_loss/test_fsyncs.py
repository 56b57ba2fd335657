"""Nothing is answered, acked or acknowledged before the disk has it; and a group of commands shares one sync."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.power_loss.observation import (
    CONCURRENT_CALLS,
    SERVICE_WITHOUT_SYNCS,
    count_syncs_of_concurrent_calls,
    observe,
)
from tests.faults.power_loss.prerequisites import need_strace
from tests.faults.power_loss.promises import PROMISES, promised_too_early

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _strace() -> None:
    need_strace()


async def test_a_service_that_does_not_sync_is_found_out_at_every_promise(tmp_path: Path) -> None:
    trace = await observe(tmp_path, SERVICE_WITHOUT_SYNCS)

    found = promised_too_early(trace)
    assert len(found) == PROMISES, found
    assert all(sentence.endswith("was synced") for sentence in found), found


async def test_concurrent_calls_share_their_syncs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    syncs = await count_syncs_of_concurrent_calls(tmp_path)

    with capsys.disabled():
        print(f"\n{CONCURRENT_CALLS} concurrent Allocates: {syncs} syncs of the write-ahead log")  # noqa: T201 - the figures
    # How many come together is the machine's affair; that one sync is enough for many is ours.
    assert 1 <= min(syncs) <= CONCURRENT_CALLS // 4
