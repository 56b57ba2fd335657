"""Nobody is let into a queue that takes too long; the time is a clock of the test's own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self, TypeVar

import pytest

from allocation.service_layer.errors import QueueFullError
from allocation.service_layer.group_commit import GroupCommit
from tests.unit.service_layer.gated_store import GatedStore, said, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocation.service_layer.store import Transaction

Result = TypeVar("Result")
GROUP_MAX = 10


class StoreThatTakesTime(GatedStore):
    """Each commit moves the clock of the event loop on; nobody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self._passed = 0.0
        loop = asyncio.get_running_loop()
        real_time = loop.time
        loop.time = lambda: real_time() + self._passed  # type: ignore[method-assign] # it is what is faked

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        result = await super().transact(work)
        self._passed += self.seconds
        return result


class Queue:
    """A group commit before that store."""

    def __init__(self, waiting_max: int) -> None:
        self.store = StoreThatTakesTime()
        self.group_commit = GroupCommit(
            self.store,
            self.store.bus,
            lambda _: None,
            group_commands_max=GROUP_MAX,
            waiting_commands_max=waiting_max,
            waiting_seconds_max=1.0,
        )

    async def __aenter__(self) -> Self:
        self.group_commit.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.store.gate.open()
        await self.group_commit.close()

    async def commit(self, times: int, seconds: float) -> None:
        """Carry out commands one by one, each of which takes so long."""
        self.store.seconds = seconds
        for _ in range(times):
            await self.group_commit.submit(said("hello"))

    async def let_in(self, callers: int) -> int:
        """Let callers come all at once while a group commits, and answer how many may wait."""
        self.store.gate.close()
        first = asyncio.create_task(self.group_commit.submit(said("first")))
        await settle()
        others = [asyncio.create_task(self.group_commit.submit(said("one of many"))) for _ in range(callers)]
        await settle()
        refused = [other for other in others if other.done()]
        for one in refused:
            with pytest.raises(QueueFullError):
                await one
        self.store.gate.open()
        answers: list[Any] = await asyncio.gather(first, *(other for other in others if other not in refused))
        assert set(answers[1:]) <= {"ONE OF MANY"}
        return callers - len(refused)


async def test_as_many_may_wait_as_can_be_begun_in_time() -> None:
    async with Queue(waiting_max=1_000) as queue:
        await queue.commit(times=50, seconds=0.25)
        assert await queue.let_in(200) == pytest.approx(4 * GROUP_MAX, abs=1)


async def test_a_quick_store_has_a_queue_as_long_as_its_limit() -> None:
    async with Queue(waiting_max=150) as queue:
        await queue.commit(times=50, seconds=0.001)
        assert await queue.let_in(200) == 150


async def test_a_whole_group_may_wait_however_slow_the_store_is() -> None:
    async with Queue(waiting_max=1_000) as queue:
        await queue.commit(times=50, seconds=60.0)
        assert await queue.let_in(200) == GROUP_MAX


async def test_one_slow_commit_among_quick_ones_turns_hardly_anybody_away() -> None:
    async with Queue(waiting_max=1_000) as queue:
        await queue.commit(times=50, seconds=0.001)
        await queue.commit(times=1, seconds=1.0)
        assert await queue.let_in(200) >= 4 * GROUP_MAX


async def test_callers_are_let_in_again_once_the_store_is_quick_again() -> None:
    async with Queue(waiting_max=150) as queue:
        await queue.commit(times=50, seconds=60.0)
        await queue.commit(times=60, seconds=0.001)
        assert await queue.let_in(200) == 150


async def test_the_refusal_names_how_many_may_wait() -> None:
    async with Queue(waiting_max=1_000) as queue:
        await queue.commit(times=50, seconds=60.0)
        queue.store.gate.close()
        waiting = [asyncio.create_task(queue.group_commit.submit(said("first")))]
        await settle()
        waiting += [asyncio.create_task(queue.group_commit.submit(said("next"))) for _ in range(GROUP_MAX)]
        await settle()
        with pytest.raises(QueueFullError, match=r"^10 commands are waiting, which is the limit$"):
            await queue.group_commit.submit(said("too many"))
        queue.store.gate.open()
        await asyncio.gather(*waiting)


async def test_callers_who_are_many_do_not_keep_the_other_doors_out() -> None:
    async with Queue(waiting_max=1_000) as queue:
        await queue.commit(times=50, seconds=60.0)
        queue.store.gate.close()
        waiting = [asyncio.create_task(queue.group_commit.submit(said("call"))) for _ in range(2 * GROUP_MAX)]
        await settle()
        message = await queue.group_commit.enqueue(said("message"))
        queue.store.gate.open()
        assert await message == "MESSAGE"
        await asyncio.gather(*waiting, return_exceptions=True)
