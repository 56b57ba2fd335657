"""Stores that are broken on purpose: one forgets what was consumed, one has no outbox."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from allocation.adapters.sql.transaction import SqlTransaction
from allocation.service_layer.streams import BrokerUnavailableError, OutboxEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from allocation.service_layer.records import LoggedEvent
    from allocation.service_layer.store import Changes, Footprint, Loaded, Store, Transaction
    from allocation.service_layer.streams import EventStream

Result = TypeVar("Result")


class Forgets:
    """A store that neither keeps nor looks up its fences, nor, with `inbox`, what was consumed."""

    def __init__(self, store: Store, *, inbox: bool) -> None:
        self._store = store
        self._inbox = inbox

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work, forgetfully."""
        return await self._store.transact(lambda transaction: work(ForgetfulTransaction(transaction, inbox=self._inbox)))


class ForgetfulTransaction:
    """A transaction that knows of no fence and, with `inbox`, of no consumed message."""

    def __init__(self, transaction: Transaction, *, inbox: bool) -> None:
        self._transaction = transaction
        self._inbox = inbox
        self.latest_lines = transaction.latest_lines
        self.waiting_lines = transaction.waiting_lines

    def load(self, footprint: Footprint) -> Loaded:
        """Load all but what is forgotten."""
        loaded = replace(self._transaction.load(footprint), fences={})
        return replace(loaded, inbox={}) if self._inbox else loaded

    def write(self, changes: Changes) -> None:
        """Write all but what is forgotten."""
        kept = replace(changes, fences={})
        self._transaction.write(replace(kept, inbox=[]) if self._inbox else kept)


class HasNoOutbox:
    """A store after whose commits the events go straight to the broker, from memory."""

    def __init__(self, store: Store, events: EventStream) -> None:
        self._store = store
        self._events = events
        self._publishing: set[asyncio.Task[None]] = set()

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work, take what it put into the outbox out again, and publish that after the commit."""
        written: list[LoggedEvent] = []

        def watched(transaction: Transaction) -> Result:
            return work(WithoutOutbox(transaction, written))

        result = await self._store.transact(watched)
        publishing = asyncio.create_task(self._publish([event for event in written if event.subject is not None]))
        self._publishing.add(publishing)
        publishing.add_done_callback(self._publishing.discard)
        return result

    async def _publish(self, events: Sequence[LoggedEvent]) -> None:
        for event in events:
            with suppress(BrokerUnavailableError):
                await self._events.publish([_unqueued(event)])


class WithoutOutbox:
    """A transaction that leaves the outbox empty, and remembers what would have been in it."""

    def __init__(self, transaction: Transaction, written: list[LoggedEvent]) -> None:
        self._transaction = transaction
        self._written = written
        self.load: Callable[[Footprint], Loaded] = transaction.load
        self.latest_lines = transaction.latest_lines
        self.waiting_lines = transaction.waiting_lines

    def write(self, changes: Changes) -> None:
        """Write all but the outbox."""
        self._transaction.write(changes)
        self._written += changes.events
        assert isinstance(self._transaction, SqlTransaction)
        self._transaction._connection.exec_driver_sql("DELETE FROM outbox")  # noqa: SLF001 - the port has no such method, rightly


def _unqueued(event: LoggedEvent) -> OutboxEvent:
    assert event.subject is not None
    return OutboxEvent(
        0,
        event.event_id,
        event.type,
        event.subject,
        event.sku,
        event.payload,
        event.occurred_at,
        event.correlation_id,
        event.causation_id,
        event.traceparent,
    )
