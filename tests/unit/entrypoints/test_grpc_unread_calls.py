"""Of calls whose request does not come there are only so many: the oldest are ended, and none whose request was read."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from allocation.entrypoints.grpc_unread_calls import UnreadCalls, request_is_read

UNREAD_MAX = 3


class Peers:
    """Calls that come, and are read when they are told to; the time passes only when it is told to."""

    def __init__(self) -> None:
        self._passed = 0.0
        asyncio.get_running_loop().time = lambda: self._passed  # type: ignore[method-assign] # it is what is faked
        self.unread = UnreadCalls(UNREAD_MAX, unread_seconds=1.0)
        self.ended: list[int] = []
        self._calls = 0

    async def come(self, count: int = 1, *, seconds: float = 0.0, is_read: bool = False) -> None:
        """Have calls come, after some time."""
        self._passed += seconds
        for _ in range(count):
            context = self.unread.begin(partial(self.ended.append, self._calls))
            self._calls += 1
            if is_read:
                await asyncio.get_running_loop().create_task(self._read(), context=context)

    async def _read(self) -> None:
        request_is_read()


@pytest.fixture
async def peers() -> Peers:
    """Nobody calls yet."""
    return Peers()


async def test_the_oldest_are_ended_when_there_are_too_many(peers: Peers) -> None:
    await peers.come(UNREAD_MAX)
    await peers.come(2, seconds=1.5)
    assert (peers.ended, len(peers.unread)) == ([0, 1], UNREAD_MAX)


async def test_a_crowd_that_has_just_come_is_not_ended(peers: Peers) -> None:
    await peers.come(10 * UNREAD_MAX)
    assert peers.ended == []
    await peers.come(seconds=1.5)
    assert len(peers.unread) == UNREAD_MAX


async def test_what_was_read_counts_no_more(peers: Peers) -> None:
    await peers.come(2 * UNREAD_MAX, is_read=True)
    await peers.come(UNREAD_MAX, seconds=1.5)
    assert (peers.ended, len(peers.unread)) == ([], UNREAD_MAX)
    peers.unread.end_all()
    assert (sorted(peers.ended), len(peers.unread)) == ([6, 7, 8], 0)


async def test_outside_of_a_call_nothing_is_counted(peers: Peers) -> None:
    request_is_read()
    assert len(peers.unread) == 0


async def test_what_was_ended_in_the_moment_in_which_it_was_read_is_not_carried_out(peers: Peers) -> None:
    context = peers.unread.begin(partial(peers.ended.append, 0))
    peers.unread.end_all()
    with pytest.raises(asyncio.CancelledError):
        context.run(request_is_read)
