"""Calls wait in order, and nobody waits for longer than is said; the time is a clock of the test's own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from allocation.entrypoints.grpc_waiting_room import WaitingRoom
from allocation.service_layer.errors import QueueFullError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

AT_ONCE_MAX = 4


class Desk:
    """Carries out calls, each until it is told to end; the time passes only when it is told to."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.calls: dict[int, asyncio.Task[None]] = {}
        self._ends: dict[int, asyncio.Event] = {}
        self._passed = 0.0
        loop = asyncio.get_running_loop()
        loop.time = lambda: self._passed  # type: ignore[method-assign] # it is what is faked
        self.room = WaitingRoom(at_once_max=AT_ONCE_MAX, waiting_seconds_max=1.0)

    async def _carry_out(self, call: int) -> None:
        async with self.room.place():
            self.begun.append(call)
            await self._ends[call].wait()

    async def come(self, *calls: int) -> None:
        """Let calls come, one after the other."""
        for call in calls:
            self._ends[call] = asyncio.Event()
            self.calls[call] = asyncio.create_task(self._carry_out(call))
        await settle()

    async def end(self, *calls: int, seconds: float = 0.0) -> None:
        """Let so much time pass, and calls end."""
        self._passed += seconds
        for call in calls:
            self._ends[call].set()
        await settle()

    async def practise(self, seconds: float) -> None:
        """Have a thousand calls, one after the other, each of which takes so long."""
        for call in range(-1_000, 0):
            await self.come(call)
            await self.end(call, seconds=seconds)
        self.begun.clear()

    async def let_in(self, calls: int) -> int:
        """Let calls come all at once, and answer how many were let in."""
        await self.come(*range(calls))
        refused = [call for call in range(calls) if self.calls[call].done()]
        assert all(isinstance(self.calls[call].exception(), QueueFullError) for call in refused)
        assert refused == list(range(calls - len(refused), calls))
        return calls - len(refused)


async def settle() -> None:
    """Let everybody run who can."""
    for _ in range(6):
        await asyncio.sleep(0)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A desk at which nobody stands in the end."""
    made = Desk()
    yield made
    for call in made.calls.values():
        call.cancel()
    await asyncio.gather(*made.calls.values(), return_exceptions=True)


async def test_calls_begin_in_their_order_as_others_end(desk: Desk) -> None:
    assert await desk.let_in(8) == 8
    assert desk.begun == [0, 1, 2, 3]
    await desk.end(2)
    assert desk.begun == [0, 1, 2, 3, 4]
    await desk.end(0, 1, 3)
    assert desk.begun == [0, 1, 2, 3, 4, 5, 6, 7]


async def test_as_many_wait_as_can_begin_in_time(desk: Desk) -> None:
    await desk.practise(seconds=0.1)
    assert await desk.let_in(100) == pytest.approx(AT_ONCE_MAX + 40, abs=2)


async def test_as_many_may_wait_as_are_carried_out_however_long_each_takes(desk: Desk) -> None:
    await desk.practise(seconds=60.0)
    assert await desk.let_in(100) == 2 * AT_ONCE_MAX


async def test_before_anything_was_measured_as_many_may_wait_as_are_carried_out(desk: Desk) -> None:
    assert await desk.let_in(100) == 2 * AT_ONCE_MAX


async def test_the_first_call_is_believed(desk: Desk) -> None:
    await desk.come(-1)
    await desk.end(-1, seconds=0.4)
    assert await desk.let_in(100) == AT_ONCE_MAX + 10


async def test_nobody_comes_in_while_the_first_has_waited_for_too_long(desk: Desk) -> None:
    await desk.practise(seconds=0.001)
    await desk.come(*range(5))
    await desk.end(seconds=1.5)
    await desk.come(5)
    assert isinstance(desk.calls[5].exception(), QueueFullError)
    await desk.end(0)
    await desk.come(6)
    assert not desk.calls[6].done()


async def test_whoever_gives_up_while_he_waits_takes_no_place(desk: Desk) -> None:
    await desk.come(*range(6))
    desk.calls[4].cancel()
    await desk.end(0)
    assert desk.begun == [0, 1, 2, 3, 5]
    desk.calls[1].cancel()
    await desk.come(7)
    assert desk.begun == [0, 1, 2, 3, 5, 7]


async def test_whoever_gives_up_in_the_moment_of_his_turn_gives_the_place_on(desk: Desk) -> None:
    await desk.come(*range(6))
    desk.calls[0].cancel()
    await asyncio.sleep(0)
    desk.calls[4].cancel()
    await settle()
    assert desk.begun in ([0, 1, 2, 3, 5], [0, 1, 2, 3, 4, 5])
    await desk.come(6)
    await desk.end(1)
    assert desk.begun[-1] == 6


async def test_whoever_waits_when_the_room_is_opened_is_let_through_and_so_are_all_later_ones(desk: Desk) -> None:
    await desk.come(*range(7))
    desk.room.open()
    await settle()
    assert desk.begun == [0, 1, 2, 3, 4, 5, 6]
    await desk.come(7)
    assert desk.begun[-1] == 7
