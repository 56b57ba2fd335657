"""The longest stall is the longest time without any answer while somebody asks; time in which nobody asks does not count."""

from __future__ import annotations

import asyncio

from tests.faults.stall import Stall


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time is told to it."""

    now = 0.0

    def time(self) -> float:
        return self.now


def test_is_the_longest_time_without_any_answer_while_somebody_asks() -> None:
    loop, stall = Clock(), Stall()

    async def ask() -> None:
        with stall.asking():
            loop.now = 2.0
            stall.answered()
            with stall.asking():
                loop.now = 7.0
                stall.answered()
            loop.now = 8.0
        loop.now = 100.0
        with stall.asking():
            loop.now = 103.0
            stall.answered()

    loop.run_until_complete(ask())
    loop.close()

    assert stall.longest_seconds == 5.0


def test_counts_those_who_give_up_without_an_answer() -> None:
    loop, stall = Clock(), Stall()

    async def ask() -> None:
        with stall.asking():
            loop.now = 30.0

    loop.run_until_complete(ask())
    loop.close()

    assert stall.longest_seconds == 30.0
