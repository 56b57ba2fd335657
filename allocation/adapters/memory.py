"""The store in memory: for trying things out, and the plainest statement of what the ports promise. Gone with its process."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from allocation.adapters.memory_transaction import MemoryTransaction
from allocation.domain.order_line import LineStatus
from allocation.service_layer.streams import OutboxEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from allocation.domain.batch import Batch
    from allocation.domain.order_line import KeptLine
    from allocation.domain.product_state import ProductState
    from allocation.service_layer.aged import Book, ForgottenEvents, Truncation
    from allocation.service_layer.records import (
        Ending,
        Fence,
        InboxEntry,
        InboxKey,
        KnownStream,
        LineKey,
        LoggedEvent,
        ParkedMessage,
        StreamPlace,
        UnfinishedPromising,
    )
    from allocation.service_layer.store import Transaction

Result = TypeVar("Result")


@dataclass
class MemoryStore:
    """Keeps the promises of `Store` and `Reader` in dicts. What it hands out are copies: only `write` changes it."""

    products: dict[str, ProductState] = field(default_factory=dict)
    batches_by_reference: dict[str, Batch] = field(default_factory=dict)
    kept: dict[LineKey, KeptLine] = field(default_factory=dict)
    log: list[LoggedEvent] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    """Those of the events of the log, in its order: 1, 2, 3… until some of them are forgotten."""
    unpublished: dict[int, LoggedEvent] = field(default_factory=dict)
    consumed: dict[InboxKey, InboxEntry] = field(default_factory=dict)
    parked: dict[StreamPlace, ParkedMessage] = field(default_factory=dict)
    ended: dict[StreamPlace, Ending] = field(default_factory=dict)
    fences: dict[str, Fence] = field(default_factory=dict)
    streams: dict[str, KnownStream] = field(default_factory=dict)
    commands: dict[str, UnfinishedPromising] = field(default_factory=dict)
    truncations: dict[Book, Truncation] = field(default_factory=dict)
    truncated_sequences: dict[str, ForgottenEvents] = field(default_factory=dict)

    @property
    def log_position(self) -> int:
        """That of the last event."""
        return self.positions[-1] if self.positions else 0

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work; a transaction that raises has written nothing, since it writes last and at once."""
        return work(MemoryTransaction(self))

    async def batch(self, reference: str) -> Batch | None:
        """Read one batch."""
        return copy(self.batches_by_reference.get(reference))

    async def batches(self, sku: str, after: str, limit: int) -> list[Batch]:
        """Read batches of a sku by reference."""
        found = [batch for batch in self.batches_by_reference.values() if batch.sku == sku and batch.reference > after]
        return [copy(batch) for batch in sorted(found, key=lambda batch: batch.reference)[:limit]]

    async def lines(self, order_id: str, after: str, limit: int) -> list[LineStatus]:
        """Read kept lines of an order by line_id."""
        found = sorted(key for key in self.kept if key.order_id == order_id and key.line_id > after)[:limit]
        return [self._status(self.kept[key]) for key in found]

    async def outbox(self, limit: int) -> list[OutboxEvent]:
        """Read the events to be published next."""
        return [_outgoing(position, self.unpublished[position]) for position in sorted(self.unpublished)[:limit]]

    async def outbox_positions(self, event_ids: Sequence[str]) -> list[int]:
        """Find which of these events wait to be published."""
        return [position for position, event in self.unpublished.items() if event.event_id in event_ids]

    async def logged_count(self, event_ids: Sequence[str]) -> int:
        """Count which of these events are in the log."""
        return len({event.event_id for event in self.log} & set(event_ids))

    async def unfinished(self, limit: int) -> list[UnfinishedPromising]:
        """Read durable commands that wait to be continued."""
        return [self.commands[sku] for sku in sorted(self.commands)[:limit]]

    async def stream(self, name: str) -> KnownStream | None:
        """Read what is known of a stream."""
        return copy(self.streams.get(name))

    async def parked_messages(self, places: Sequence[StreamPlace]) -> list[ParkedMessage]:
        """Read parked messages, whatever became of them."""
        return [self.parked[place] for place in places if place in self.parked]

    def _status(self, kept: KeptLine) -> LineStatus:
        eta = None if kept.batch_reference is None else self.batches_by_reference[kept.batch_reference].eta
        return LineStatus(kept.line, kept.state, kept.sku_sequence, kept.batch_reference, eta)


def _outgoing(position: int, event: LoggedEvent) -> OutboxEvent:
    if event.subject is None:
        raise AssertionError(f"internal event {event.event_id} is in the outbox")
    return OutboxEvent(
        position=position,
        event_id=event.event_id,
        type=event.type,
        subject=event.subject,
        sku=event.sku,
        payload=event.payload,
        occurred_at=event.occurred_at,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        traceparent=event.traceparent,
    )
