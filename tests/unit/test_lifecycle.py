"""The end of the service comes, in order, also when a part of it is deaf for a while or dies."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from allocation import lifecycle
from allocation.lifecycle import Service
from tests.waiting import eventually


class Part:
    """Any part of a service; writes down what is asked of it. The relay can be deaf to a first cancellation, or die."""

    def __init__(self, name: str, heard: list[str], *, deaf: bool = False, dies: bool = False) -> None:
        self.name, self.heard, self.deaf, self.dies = name, heard, deaf, dies
        self.stopped = asyncio.Event()

    def __getattr__(self, asked: str) -> Any:  # noqa: ANN401 - whatever it is asked
        async def answer(*_: object, **__: object) -> None:
            self.heard.append(f"{self.name} {asked}")

        return answer

    def tell_health(self, **_: bool) -> None:
        """Tell nobody."""

    async def run(self) -> None:
        """Run until stopped or cancelled."""
        if self.dies:
            raise RuntimeError("a bug")
        try:
            await self.stopped.wait()
        except asyncio.CancelledError:
            if not self.deaf:
                raise
            await asyncio.Event().wait()

    def stop(self) -> None:
        """Stop."""
        self.stopped.set()

    async def ended(self) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()

    def start(self) -> asyncio.Task[None]:
        """Start, as the group commit does."""
        return asyncio.create_task(self.run())


def service(heard: list[str], **relay: bool) -> Service:
    parts = {name: Part(name, heard) for name in ("group_commit", "reader", "consumer", "continuation")}
    listener = Part("listener", heard)
    listener.start = lambda: asyncio.create_task(asyncio.sleep(0))  # type: ignore[method-assign] # it listens, and that is all
    listener.stop = lambda *_: asyncio.create_task(asyncio.sleep(0))  # type: ignore[method-assign, assignment] # and stops at once
    return Service(
        **cast("Any", parts),
        listener=cast("Any", listener),
        admin=cast("Any", listener),
        relay=cast("Any", Part("relay", heard, **relay)),
        broker_is_healthy=lambda: True,
        shutdown_seconds=20.0,
    )


async def test_it_ends_in_the_order_in_which_nothing_is_dropped() -> None:
    heard: list[str] = []
    stopping = asyncio.Event()
    running = asyncio.create_task(service(heard).run(stopping, lambda: heard.append("serves")))
    await eventually(lambda: "serves" in heard)
    stopping.set()
    await running
    ending = [what for what in heard if what != "reader stream"]
    assert ending == ["serves", "relay drain", "group_commit close"]


async def test_it_ends_although_a_part_swallows_a_cancellation() -> None:
    stopping = asyncio.Event()
    stopping.set()
    await asyncio.wait_for(service([], deaf=True).run(stopping, lambda: None), 15)


async def test_nothing_is_carried_out_any_more_once_it_has_ended() -> None:
    committing: list[asyncio.Task[None]] = []
    served = service([])
    start = served.group_commit.start
    served.group_commit.start = lambda: committing.append(start()) or committing[0]  # type: ignore[method-assign, func-returns-value] # seen, that is all
    stopping = asyncio.Event()
    stopping.set()
    await served.run(stopping, lambda: None)
    assert committing[0].cancelled(), "its close was answered, and it went on"


class Door:
    """A door that opens, or whose port somebody else has."""

    def __init__(self, *, opens: bool) -> None:
        self.opens, self.is_open = opens, False

    async def start(self) -> None:
        """Listen."""
        if not self.opens:
            raise OSError("the port is in use")
        self.is_open = True

    async def stop(self, grace_seconds: float) -> None:
        """Listen no more."""
        assert grace_seconds >= 0
        self.is_open = False

    async def ended(self) -> None:
        """Die of a bug."""
        raise RuntimeError("nobody listens")

    def tell_health(self, *, store: bool, broker: bool) -> None:
        """Tell nobody."""


async def test_the_door_of_callers_is_closed_again_when_that_of_operators_cannot_open() -> None:
    served = service([])
    served.listener, served.admin = callers, _ = Door(opens=True), Door(opens=False)
    with pytest.raises(OSError, match="in use"):
        await served.run(asyncio.Event(), lambda: None)
    assert not callers.is_open


async def test_it_ends_and_says_why_when_a_part_dies() -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        await service([], dies=True).run(asyncio.Event(), lambda: None)


@pytest.mark.parametrize("door", ["listener", "admin"])
async def test_it_ends_and_says_why_when_a_door_dies(door: str) -> None:
    heard: list[str] = []
    served = service(heard)
    setattr(served, door, Door(opens=True))
    with pytest.raises(RuntimeError, match="nobody listens"):
        await served.run(asyncio.Event(), lambda: None)
    assert "relay drain" in heard


async def test_both_doors_close_in_the_same_time_and_what_comes_after_has_what_is_left_of_it() -> None:
    closing: list[float] = []

    class SlowDoor(Door):
        async def ended(self) -> None:
            await asyncio.Event().wait()

        async def stop(self, grace_seconds: float) -> None:
            closing.append(grace_seconds)
            await eventually(lambda: len(closing) == 2)
            await asyncio.sleep(grace_seconds)

    served = service([])
    served.shutdown_seconds = 0.5
    served.listener, served.admin = SlowDoor(opens=True), SlowDoor(opens=True)
    served.consumer.stop = lambda: None  # type: ignore[method-assign] # it is deaf
    waited: list[float | None] = []
    wait = asyncio.wait

    async def watched(tasks: Any, *, timeout: float | None = None, **otherwise: Any) -> Any:  # noqa: ANN401, ASYNC109 - as asyncio's
        waited.append(timeout)
        return await wait(tasks, timeout=timeout, **otherwise)

    stopping = asyncio.Event()
    stopping.set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "wait", watched)
        await served.run(stopping, lambda: None)
    assert closing == [0.5, 0.5]
    assert waited[1] == lifecycle._AT_LEAST_SECONDS, "the doors have used up the time"  # noqa: SLF001 - its own limit


async def test_a_door_that_does_not_close_in_order_keeps_nothing_else_from_ending() -> None:
    class BrokenDoor(Door):
        async def ended(self) -> None:
            await asyncio.Event().wait()

        async def stop(self, grace_seconds: float) -> None:
            raise RuntimeError(f"its server died within {grace_seconds} s")

    heard: list[str] = []
    served = service(heard)
    served.listener = BrokenDoor(opens=True)
    stopping = asyncio.Event()
    stopping.set()
    await served.run(stopping, lambda: None)
    assert heard[-2:] == ["relay drain", "group_commit close"]
