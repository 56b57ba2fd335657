"""The simulation replays exactly, and finds out every build that is broken on purpose where the service itself is clean."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from itertools import count

import pytest

from allocation.adapters.memory import MemoryStore
from tests.faults.simulation.chance import Chance
from tests.faults.simulation.history import run_history
from tests.faults.simulation.store import UncertainStore
from tests.faults.simulation.trace import Trace
from tests.faults.simulation.variants import CAUGHT_WITHIN_HISTORIES, UNBROKEN, VARIANTS
from tests.faults.simulation.virtual_time import DeadlockError, VirtualTimeLoop

_DIGESTS = """
from tests.faults.simulation.history import run_history
for seed in range(1, 13):
    print(seed, run_history(seed, records=True).digest)
"""
_COMPLAINTS = {
    "ack-before-commit": ("is neither in the inbox nor parked", "was placed and is not kept", "was not parked"),
    "no-inbox": ("times about",),
    "no-message-id": ("is on the event stream 2 times",),
    "cursor-relay": ("is in the log and was never published",),
    "fence-off": ("was last said to hold", "one after the other, its messages say"),
    "rejection-before-commit": ("was rejected as", "justified was nothing"),
    "each-alone-after-unknown-commit": ("was out of stock",),
    "no-outbox": ("is in the log and was never published",),
}


def test_the_same_seed_is_the_same_history_whatever_the_order_of_sets() -> None:
    running = [
        subprocess.Popen(  # noqa: S603 - our own interpreter with our own text
            [sys.executable, "-c", _DIGESTS],
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=subprocess.PIPE,
            text=True,
        )
        for hash_seed in ("1", "2")
    ]

    first, second = [process.communicate()[0] for process in running]

    assert [process.returncode for process in running] == [0, 0]
    assert len(first.splitlines()) == len({line.split()[1] for line in first.splitlines()}) == 12
    assert first == second


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != UNBROKEN])
def test_finds_out_where_the_service_itself_is_clean_a_build_that_is_broken_by(variant: str) -> None:
    for seed in count(1):
        assert seed <= CAUGHT_WITHIN_HISTORIES, f"{VARIANTS[variant].what}: not caught in {seed - 1} histories"
        assert run_history(seed, UNBROKEN, setting=variant).problems == ()
        if found := run_history(seed, variant).problems:
            break

    assert [problem for problem in found if any(complaint in problem for complaint in _COMPLAINTS[variant])], found


def test_virtual_time_passes_at_once_and_in_order() -> None:
    async def live() -> list[float]:
        loop = asyncio.get_running_loop()
        woken: list[float] = []

        async def sleep(seconds: float) -> None:
            await asyncio.sleep(seconds)
            woken.append(loop.time())

        await asyncio.gather(sleep(7_200), sleep(0.5), sleep(3_600))
        return woken

    assert _run(live()) == pytest.approx([0.5, 3_600, 7_200])


def test_waiting_for_what_can_never_come_is_an_error_that_says_so() -> None:
    async def wait_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    loop = VirtualTimeLoop(lambda _: None, lambda _: None)
    forever = loop.create_task(wait_for_ever())
    with pytest.raises(DeadlockError, match="nothing is scheduled any more"):
        loop.run_until_complete(forever)
    forever.cancel()
    loop.run_until_complete(asyncio.wait({forever}))
    loop.close()


def test_a_dead_service_changes_nothing_any_more() -> None:
    async def live() -> list[str]:
        began: list[str] = []
        trace = Trace(asyncio.get_running_loop().time, records=False)
        store = UncertainStore(MemoryStore(), Chance(1), trace, began.append)
        transaction = asyncio.create_task(store.transact(lambda _: began.append("carried out")))
        await asyncio.sleep(0)

        store.is_dead = True
        await asyncio.wait({transaction}, timeout=3_600)

        assert not transaction.done()
        transaction.cancel()
        return began

    assert _run(live()) == []


def _run(life: asyncio._CoroutineLike[list[float]] | asyncio._CoroutineLike[list[str]]) -> object:
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(pytest.fail, lambda _: None)) as runner:
        return runner.run(life)  # type: ignore[arg-type]
