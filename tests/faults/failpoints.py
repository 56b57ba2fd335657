"""Adapters that kill their own process at a chosen moment. Between the moments they do what the real ones do."""

from __future__ import annotations

import os
import random
import signal
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from allocation.connections import Adapters
    from allocation.service_layer.store import Changes, Footprint, Loaded, Store, Transaction
    from allocation.service_layer.streams import Delivery, EventStream, InboundStream, OutboxEvent, StreamState

Result = TypeVar("Result")
_COMMIT_SECONDS_MAX = 0.004
"""About twice what a commit takes on a disk that is not busy."""


@dataclass
class Moment:
    """A moment that is let pass until it came `left` times: then the process dies as if by kill -9."""

    left: int

    def has_come(self, times: int = 1) -> None:
        """Count, or die."""
        self.left -= times
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


class KillsWhileTransacting:
    """A store that dies of what its transactions write: when it is written, before or after the commit.

    `counts` says how many times the moment comes in a transaction.
    """

    def __init__(self, store: Store, moment: Moment, counts: Callable[[Changes], int], *, committed: bool) -> None:
        self._store = store
        self._moment = moment
        self._counts = counts
        self._committed = committed

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work in one transaction."""
        times = 0

        def watched(transaction: Transaction) -> Result:
            nonlocal times
            watching = WatchedTransaction(transaction)
            result = work(watching)
            times = sum(map(self._counts, watching.written))
            if times and not self._committed:
                self._moment.has_come(times)
            return result

        result = await self._store.transact(watched)
        if times and self._committed:
            self._moment.has_come(times)
        return result


class KillsWhileCommitting:
    """A store whose process dies a moment after a transaction was written: before, while or after the disk has it."""

    def __init__(self, store: Store, moment: Moment) -> None:
        self._store = store
        self._moment = moment

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work in one transaction."""

        def watched(transaction: Transaction) -> Result:
            watching = WatchedTransaction(transaction)
            result = work(watching)
            self._moment.left -= sum(map(_messages, watching.written))
            if self._moment.left <= 0:
                after_seconds = random.uniform(0, _COMMIT_SECONDS_MAX)  # noqa: S311 - keeps no secret
                threading.Timer(after_seconds, self._moment.has_come).start()
            return result

        return await self._store.transact(watched)


class WatchedTransaction:
    """A transaction that remembers what it wrote."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.load: Callable[[Footprint], Loaded] = transaction.load
        self.latest_lines = transaction.latest_lines
        self.waiting_lines = transaction.waiting_lines
        self.written: list[Changes] = []

    def write(self, changes: Changes) -> None:
        """Write everything."""
        self._transaction.write(changes)
        self.written.append(changes)


class KillsBeforeAck:
    """An inbound stream whose reader dies when a message took effect and is about to be acknowledged."""

    def __init__(self, inbound: InboundStream, moment: Moment) -> None:
        self._moment = moment
        self._inbound = inbound
        self.bind = inbound.bind
        self.deliver_again = inbound.deliver_again
        self.stored_at = inbound.stored_at

    async def trim(self) -> None:
        """Trim."""
        await self._inbound.trim()

    async def fetch(self, limit: int) -> Sequence[Delivery]:
        """Fetch deliveries that are dangerous to acknowledge."""
        return [DeadlyAck(delivery, self._moment) for delivery in await self._inbound.fetch(limit)]


class DeadlyAck:
    """A delivery that kills when it is acknowledged."""

    def __init__(self, delivery: Delivery, moment: Moment) -> None:
        self._delivery = delivery
        self._moment = moment
        self.message = delivery.message
        self.retry = delivery.retry
        self.terminate = delivery.terminate
        self.keep = delivery.keep

    async def ack(self) -> None:
        """Die, or acknowledge."""
        self._moment.has_come()
        await self._delivery.ack()


class KillsAfterPublishing:
    """An event stream that dies when the broker has events that the outbox still holds."""

    def __init__(self, events: EventStream, moment: Moment) -> None:
        self._events = events
        self._moment = moment

    async def bind(self) -> StreamState:
        """Bind."""
        return await self._events.bind()

    async def publish(self, events: Sequence[OutboxEvent]) -> int:
        """Publish, and then die."""
        sequence = await self._events.publish(events)
        self._moment.has_come(len(events))
        return sequence

    async def id_at(self, sequence: int) -> str | None:
        """Read what is stored at a sequence."""
        return await self._events.id_at(sequence)

    def ids_above(self, sequence: int) -> AsyncIterator[tuple[int, str]]:
        """Read what is stored."""
        return self._events.ids_above(sequence)


def _messages(changes: Changes) -> int:
    return len(changes.inbox)


def _reallocations(changes: Changes) -> bool:
    return bool(changes.unfinished) or any(event.type.endswith(".Deallocated") for event in changes.events)


FAILPOINTS: dict[str, Callable[[Adapters, Moment], Adapters]] = {
    "while-consuming": lambda adapters, moment: replace(
        adapters, store=KillsWhileTransacting(adapters.store, moment, _messages, committed=False)
    ),
    "while-committing": lambda adapters, moment: replace(adapters, store=KillsWhileCommitting(adapters.store, moment)),
    "after-consuming": lambda adapters, moment: replace(
        adapters, store=KillsWhileTransacting(adapters.store, moment, _messages, committed=True)
    ),
    "before-ack": lambda adapters, moment: replace(adapters, inbound=KillsBeforeAck(adapters.inbound, moment)),
    "after-publishing": lambda adapters, moment: replace(adapters, events=KillsAfterPublishing(adapters.events, moment)),
    "while-reallocating": lambda adapters, moment: replace(
        adapters, store=KillsWhileTransacting(adapters.store, moment, _reallocations, committed=False)
    ),
    "after-reallocating": lambda adapters, moment: replace(
        adapters, store=KillsWhileTransacting(adapters.store, moment, _reallocations, committed=True)
    ),
}
