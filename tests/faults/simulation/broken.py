"""The broken parts, each what somebody might have built: as small as it can be, and honest."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from allocation.adapters.memory import MemoryStore
from allocation.contract.cloudevents import MESSAGE_ID
from allocation.domain.errors import Rejection
from allocation.service_layer.group_commit import GroupCommit
from allocation.service_layer.store import OutcomeUnknownError
from allocation.service_layer.streams import BrokerUnavailableError
from tests.faults.broken import AcksBeforeCommit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from allocation.connections import Adapters
    from allocation.service_layer.envelope import Envelope
    from allocation.service_layer.messagebus import GroupOutcome, MessageBus
    from allocation.service_layer.records import Changes, Footprint, Loaded, LoggedEvent
    from allocation.service_layer.store import Store, Transaction
    from allocation.service_layer.streams import EventStream, OutboxEvent
    from allocation.service_layer.views import Reader
    from tests.faults.simulation.world import World

Result = TypeVar("Result")


class _Wrapped:
    """Another adapter in all but what its subclass says."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401 - any adapter
        self._inner = inner

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the adapter has
        return getattr(self._inner, name)


class _ForgetfulTransaction(_Wrapped):
    """A transaction that does not find some of what was written."""

    def __init__(self, transaction: Transaction, forgotten: dict[str, Any]) -> None:
        super().__init__(transaction)
        self._forgotten = forgotten

    def load(self, footprint: Footprint) -> Loaded:
        """Load all but that."""
        return replace(cast("Loaded", self._inner.load(footprint)), **self._forgotten)


class _ForgetfulStore(_Wrapped):
    """A store whose transactions are forgetful."""

    def __init__(self, store: Store, forgotten: str) -> None:
        super().__init__(store)
        self._forgotten = forgotten

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work."""
        return cast(
            "Result",
            await self._inner.transact(
                lambda inside: work(cast("Transaction", _ForgetfulTransaction(inside, {self._forgotten: {}})))
            ),
        )


class _CursorReader(_Wrapped):
    """A reader that finds no event at or below the highest position published so far; the store keeps that too."""

    def __init__(self, reader: Reader, published: list[int]) -> None:
        super().__init__(reader)
        self._published = published

    async def outbox(self, limit: int) -> Sequence[OutboxEvent]:
        """Read above the cursor."""
        found = await self._inner.outbox(1_000_000)
        return [event for event in found if event.position > max(self._published, default=0)][:limit]


class _CursorStore(_Wrapped):
    """A store that moves the cursor in the transaction that forgets published events."""

    def __init__(self, store: Store, published: list[int]) -> None:
        super().__init__(store)
        self._published = published

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work."""
        return cast(
            "Result",
            await self._inner.transact(lambda inside: work(cast("Transaction", _CursorTransaction(inside, self._published)))),
        )


class _CursorTransaction(_Wrapped):
    def __init__(self, transaction: Transaction, published: list[int]) -> None:
        super().__init__(transaction)
        self._published = published

    def write(self, changes: Changes) -> None:
        """Write, and move the cursor."""
        self._inner.write(changes)
        self._published.extend(changes.published)


class _UnknownIsRefused(_Wrapped):
    """A store that does not tell an unknown commit from a refused one."""

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work."""
        try:
            return cast("Result", await self._inner.transact(work))
        except OutcomeUnknownError as error:
            raise ConnectionError(str(error)) from error


class _PublishesAtOnce(_Wrapped):
    """A store that keeps no outbox: what was committed is published right away, once, by nobody who would try again."""

    def __init__(self, store: Store, events: EventStream, world: World) -> None:
        super().__init__(store)
        self._events = events
        self._memory = world.memory
        self._publishing: dict[asyncio.Task[None], None] = {}
        self._turn = asyncio.Lock()

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work, and publish."""
        unpublished: dict[int, LoggedEvent] = {}
        try:
            return cast("Result", await self._inner.transact(lambda inside: self._noting(work, inside, unpublished)))
        finally:
            publishing = asyncio.ensure_future(self._publish(unpublished))
            self._publishing[publishing] = None
            publishing.add_done_callback(self._publishing.pop)

    def _noting(
        self, work: Callable[[Transaction], Result], inside: Transaction, unpublished: dict[int, LoggedEvent]
    ) -> Result:
        result = work(inside)
        unpublished.update(self._memory.unpublished)
        self._memory.unpublished.clear()
        return result

    async def _publish(self, unpublished: dict[int, LoggedEvent]) -> None:
        async with self._turn:
            if unpublished:
                with suppress(BrokerUnavailableError):
                    await self._events.publish(await MemoryStore(unpublished=unpublished).outbox(len(unpublished)))


class RejectsAtOnce(GroupCommit):
    """A group commit that answers a rejection as soon as it is judged, in a transaction that may be rolled back."""

    def __init__(self, store: Store, bus: MessageBus, committed: Callable[[GroupOutcome], None], **limits: Any) -> None:  # noqa: ANN401 - as the real one
        super().__init__(store, cast("MessageBus", _TellsRejections(bus, self._told)), committed, **limits)

    async def _carry_out(self, group: Sequence[Any]) -> None:
        self._group = {id(waiting.envelope): waiting.answer for waiting in group}
        await super()._carry_out(group)

    def _told(self, envelope: Envelope, answer: object) -> None:
        waiting = self._group[id(envelope)]
        if isinstance(answer, Rejection) and not waiting.done():
            waiting.set_exception(answer)


class _TellsRejections(_Wrapped):
    """A bus that tells every answer before it hands them out."""

    def __init__(self, bus: MessageBus, tell: Callable[[Envelope, object], None]) -> None:
        super().__init__(bus)
        self._tell = tell

    def handle(self, envelopes: Sequence[Envelope], transaction: Transaction) -> GroupOutcome:
        """Carry out commands."""
        outcome = cast("GroupOutcome", self._inner.handle(envelopes, transaction))
        for envelope, answer in zip(envelopes, outcome.answers, strict=False):
            self._tell(envelope, answer)
        return outcome


class _NoMessageIds(_Wrapped):
    """A connection that sends no `Nats-Msg-Id`."""

    def client(self) -> Any:  # noqa: ANN401 - a client of nats-py
        """Answer the client, so."""
        return _ClientWithoutIds(self._inner.client())


class _ClientWithoutIds(_Wrapped):
    async def publish(self, subject: str, payload: bytes = b"", headers: dict[str, str] | None = None, **how: Any) -> None:  # noqa: ANN401 - as the real one
        await self._inner.publish(subject, payload, headers=_without_id(headers), **how)

    async def request(self, subject: str, payload: bytes = b"", headers: dict[str, str] | None = None, **how: Any) -> Any:  # noqa: ANN401 - as the real one
        return await self._inner.request(subject, payload, headers=_without_id(headers), **how)


def _without_id(headers: dict[str, str] | None) -> dict[str, str] | None:
    return headers and {name: value for name, value in headers.items() if name != MESSAGE_ID}


def acks_first(adapters: Adapters, _: World) -> Adapters:
    """Acknowledge before the commit."""
    return replace(adapters, inbound=AcksBeforeCommit(adapters.inbound))


def has_no_inbox(adapters: Adapters, _: World) -> Adapters:
    """Forget what was consumed."""
    return replace(adapters, store=cast("Store", _ForgetfulStore(adapters.store, "inbox")))


def has_no_fence(adapters: Adapters, _: World) -> Adapters:
    """Forget which quantity came last."""
    return replace(adapters, store=cast("Store", _ForgetfulStore(adapters.store, "fences")))


def has_no_message_ids(adapters: Adapters, _: World) -> Adapters:
    """Publish without identities for the broker; the relay still looks into the stream after every doubt."""
    events: Any = adapters.events
    events._connection = _NoMessageIds(events._connection)  # noqa: SLF001 - the broken build changes this one line of the real one
    return adapters


def has_cursor(adapters: Adapters, world: World) -> Adapters:
    """Publish by a cursor over positions."""
    published = world.cursor
    store = cast("Store", _CursorStore(adapters.store, published))
    return replace(adapters, store=store, reader=cast("Reader", _CursorReader(adapters.reader, published)))


def takes_unknown_for_refused(adapters: Adapters, _: World) -> Adapters:
    """Try each again after an unknown commit."""
    return replace(adapters, store=cast("Store", _UnknownIsRefused(adapters.store)))


def has_no_outbox(adapters: Adapters, world: World) -> Adapters:
    """Publish without an outbox."""
    return replace(adapters, store=cast("Store", _PublishesAtOnce(adapters.store, adapters.events, world)))
