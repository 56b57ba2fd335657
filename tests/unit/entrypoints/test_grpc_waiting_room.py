"""Calls wait in order, and nobody waits for longer than is said; the time is a clock of the test's own."""

from __future__ import annotations

import asyncio

import pytest

from allocation.entrypoints.grpc_waiting_room import WaitingRoom
from allocation.service_layer.errors import QueueFullError

AT_ONCE_MAX = 4


class Desk:
    """Carries out calls when it is told to; each takes as long as the clock was moved meanwhile."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self._ends: dict[int, asyncio.Event] = {}
        self._passed = 0.0
        loop = asyncio.get_running_loop()
        loop.time = lambda: self._passed  # type: ignore[method-assign] # it is what is faked
        self.room: WaitingRoom[int] = WaitingRoom(self._begin, at_once_max=AT_ONCE_MAX, waiting_seconds_max=1.0)

    def _begin(self, call: int) -> asyncio.Task[None]:
        self.begun.append(call)
        self._ends[call] = asyncio.Event()
        return asyncio.create_task(self._carry_out(call))

    async def _carry_out(self, call: int) -> None:
        await self._ends[call].wait()

    async def end(self, *calls: int, seconds: float = 0.0) -> None:
        """Let so much time pass, and calls end."""
        self._passed += seconds
        for call in calls:
            self._ends[call].set()
        for _ in range(4):
            await asyncio.sleep(0)

    async def practise(self, seconds: float) -> None:
        """Have a thousand calls, one after the other, each of which takes so long."""
        for call in range(-1_000, 0):
            self.room.enter(call)
            await self.end(call, seconds=seconds)
        self.begun.clear()

    def let_in(self, calls: int) -> int:
        """Let calls come all at once, and answer how many were let in."""
        for call in range(calls):
            try:
                self.room.enter(call)
            except QueueFullError as refused:
                assert call == AT_ONCE_MAX + refused.waiting_max  # noqa: PT017 - others may be refused never
                return call
        return calls


async def test_calls_begin_in_their_order_as_others_end() -> None:
    desk = Desk()
    assert desk.let_in(8) == 8
    assert desk.begun == [0, 1, 2, 3]
    await desk.end(2)
    assert desk.begun == [0, 1, 2, 3, 4]
    await desk.end(0, 1, 3)
    assert desk.begun == [0, 1, 2, 3, 4, 5, 6, 7]


async def test_as_many_wait_as_can_begin_in_time() -> None:
    desk = Desk()
    await desk.practise(seconds=0.1)
    assert desk.let_in(1_000) == pytest.approx(AT_ONCE_MAX + 40, abs=2)


async def test_as_many_may_wait_as_are_under_way_however_long_each_takes() -> None:
    desk = Desk()
    await desk.practise(seconds=60.0)
    assert desk.let_in(1_000) == 2 * AT_ONCE_MAX


async def test_before_anything_was_measured_as_many_may_wait_as_are_under_way() -> None:
    assert Desk().let_in(1_000) == 2 * AT_ONCE_MAX


async def test_whoever_waits_when_the_room_is_opened_is_let_through_and_so_are_all_later_ones() -> None:
    desk = Desk()
    desk.let_in(7)
    desk.room.open()
    assert desk.begun == [0, 1, 2, 3, 4, 5, 6]
    desk.room.enter(7)
    assert desk.begun[-1] == 7
