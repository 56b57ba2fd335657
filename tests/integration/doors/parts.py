"""What stands behind a door: a store that fails and blocks on demand, and the bus and the queue over it."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from allocation.adapters.memory import MemoryStore
from allocation.contract.outward import encode_event
from allocation.service_layer.event_log import EncodedEvent, Recorder
from allocation.service_layer.group_commit import GroupCommit
from allocation.service_layer.messagebus import GroupOutcome, MessageBus
from allocation.service_layer.store import OutcomeUnknownError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from allocation.domain.commands import Command
    from allocation.domain.events import Event
    from allocation.service_layer.envelope import Envelope
    from allocation.service_layer.store import Transaction

Result = TypeVar("Result")
CURSED = "CURSED-CHAIR"
"""Whatever happens to this sku crashes its handler."""


@dataclass
class TroubledStore(MemoryStore):
    """The store in memory. `open` clear: transactions wait; each of `troubles` befalls one transaction, None befalls none.

    An OutcomeUnknownError befalls it after its work was done, any other error before.
    """

    open: asyncio.Event = field(default_factory=asyncio.Event)
    troubles: deque[Exception | None] = field(default_factory=deque)
    begun: int = 0

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work, or what befalls it."""
        self.begun += 1
        await self.open.wait()
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble is not None and not isinstance(trouble, OutcomeUnknownError):
            raise trouble
        result = await super().transact(work)
        if trouble is not None:
            raise trouble
        return result


class WatchedBus(MessageBus):
    """The bus, remembering which commands it was given together."""

    def __init__(self, recorder: Recorder, *, promises_per_transaction_max: int) -> None:
        super().__init__(recorder, promises_per_transaction_max=promises_per_transaction_max)
        self.groups: list[list[Command]] = []

    def handle(self, envelopes: Sequence[Envelope], transaction: Transaction) -> GroupOutcome:
        """Carry out a group and remember it."""
        self.groups.append([envelope.command for envelope in envelopes])
        return super().handle(envelopes, transaction)


@dataclass
class Parts:
    """The store, the bus and the queue that doors share."""

    store: TroubledStore
    bus: WatchedBus
    group_commit: GroupCommit
    outcomes: list[GroupOutcome]

    def commands(self) -> list[Command]:
        """Answer all that the bus was given, in order."""
        return list(itertools.chain.from_iterable(self.bus.groups))


@asynccontextmanager
async def running_parts(
    *, group_commands_max: int = 256, waiting_commands_max: int = 1_000, promises_per_transaction_max: int = 1_000
) -> AsyncIterator[Parts]:
    """Run the queue over a store that is open, and end it in order."""
    numbers = itertools.count(1)
    recorder = Recorder(_encode, lambda: datetime(2011, 1, 1, tzinfo=UTC), lambda: f"event-{next(numbers)}")
    store, bus = TroubledStore(), WatchedBus(recorder, promises_per_transaction_max=promises_per_transaction_max)
    store.open.set()
    outcomes: list[GroupOutcome] = []
    group_commit = GroupCommit(
        store,
        bus,
        outcomes.append,
        group_commands_max=group_commands_max,
        waiting_commands_max=waiting_commands_max,
    )
    group_commit.start()
    yield Parts(store, bus, group_commit, outcomes)
    store.open.set()
    store.troubles.clear()
    await group_commit.close()


def _encode(event: Event, envelope: Envelope) -> EncodedEvent:
    encoded = encode_event(event, envelope)
    if encoded.sku == CURSED:
        raise ZeroDivisionError("a chair for nobody")
    return encoded
