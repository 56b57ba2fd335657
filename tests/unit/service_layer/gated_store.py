"""A store whose commits wait for the test, a bus that repeats what it hears, and commands of one word."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

from allocation.adapters.memory import MemoryStore
from allocation.adapters.memory_transaction import MemoryTransaction
from allocation.domain.commands import Command
from allocation.domain.errors import UnknownBatch
from allocation.service_layer.envelope import Envelope
from allocation.service_layer.group_commit import GroupCommit
from allocation.service_layer.messagebus import CommandCrashed, GroupOutcome, MessageBus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from allocation.service_layer.store import Transaction

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Say(Command):
    """Say a word: it is answered in capitals."""

    word: str


class Echo(MessageBus):
    """Answers each word in capitals; `reject` is rejected, `crash` is a bug, and a `full_after` ends a transaction."""

    def __init__(self, full_after: int = 1_000) -> None:
        self.full_after = full_after
        self.heard: list[list[str]] = []

    def handle(self, envelopes: Sequence[Envelope], transaction: Transaction) -> GroupOutcome:  # noqa: ARG002 - a port
        words = [_word(envelope) for envelope in envelopes][: self.full_after]
        self.heard.append(words)
        if "crash" in words:
            raise CommandCrashed(words.index("crash")) from ZeroDivisionError("a bug")
        answers = [UnknownBatch(word) if word == "reject" else word.upper() for word in words]
        return GroupOutcome(answers, has_public_events=False, leaves_unfinished=False)


class Gate:
    """Lets one through, or all from now on."""

    def __init__(self, *, is_open: bool) -> None:
        self._permits = asyncio.Semaphore(0)
        self._is_open = is_open

    def open(self) -> None:
        """Let all through from now on."""
        self._is_open = True
        self._permits.release()

    def close(self) -> None:
        """Let nobody through that comes from now on."""
        self._is_open = False

    def let_one_through(self) -> None:
        """Let the one through that stands here, or the next that comes."""
        self._permits.release()

    async def pass_through(self) -> None:
        """Wait until one may go."""
        if not self._is_open:
            await self._permits.acquire()


class GatedStore:
    """Does the work at once and commits when the test says so; `failures` are raised instead of the next commits."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.gate = Gate(is_open=is_open)
        self.committing = asyncio.Event()
        self.commits = 0
        self.failures: deque[Exception] = deque()
        self.refused_word = ""
        self.bus = Echo()

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        result = work(MemoryTransaction(MemoryStore()))
        if self.refused_word in self.bus.heard[-1]:
            raise ValueError(f"constraint violated by {self.refused_word}")
        self.committing.set()
        await self.gate.pass_through()
        if self.failures:
            raise self.failures.popleft()
        self.commits += 1
        return result

    async def let_one_commit(self) -> None:
        """Let the group that stands before the gate commit."""
        await self.committing.wait()
        self.committing.clear()
        self.gate.let_one_through()
        await settle()


class Line:
    """A group commit over a gated store, started; ends with `async with`."""

    def __init__(self, *, is_open: bool = True, group_max: int = 100, waiting_max: int = 100) -> None:
        self.store = GatedStore(is_open=is_open)
        self.outcomes: list[GroupOutcome] = []
        self.group_commit = GroupCommit(
            self.store,
            self.store.bus,
            self.outcomes.append,
            group_commands_max=group_max,
            waiting_commands_max=waiting_max,
        )

    async def __aenter__(self) -> Self:
        self.group_commit.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.store.gate.open()
        await self.group_commit.close()

    @property
    def heard(self) -> list[list[str]]:
        """The words of each transaction that was tried."""
        return self.store.bus.heard

    def say(self, word: str, *, alone: bool = False) -> asyncio.Task[Any]:
        """Submit a word, as a caller of its own."""
        return asyncio.create_task(self.group_commit.submit(said(word), alone=alone))

    async def hold(self) -> asyncio.Task[Any]:
        """Let a first command stand before the closed gate, so that the next ones gather."""
        first = self.say("first")
        await self.store.committing.wait()
        return first


def said(word: str) -> Envelope:
    """Put a word into an envelope."""
    return Envelope(Say(word), "correlation", "causation")


async def settle() -> None:
    """Let every task that can go on go on until it waits; nothing here waits for time."""
    for _ in range(20):
        await asyncio.sleep(0)


def _word(envelope: Envelope) -> str:
    assert isinstance(envelope.command, Say)
    return envelope.command.word
