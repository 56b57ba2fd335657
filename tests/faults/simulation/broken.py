"""The broken builds, each what somebody might have built: as small as it can be, and honest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from allocation.contract.cloudevents import MESSAGE_ID
from allocation.domain.errors import Rejection
from tests.faults.broken import AcksBeforeCommit
from tests.faults.simulation.broken_stores import (
    CursorReader,
    CursorStore,
    ForgetfulStore,
    PublishesAtOnce,
    UnknownIsRefused,
)
from tests.faults.simulation.wrapped import Wrapped

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from allocation.connections import Adapters
    from allocation.lifecycle import Service
    from allocation.service_layer.envelope import Envelope
    from allocation.service_layer.messagebus import GroupOutcome, MessageBus
    from allocation.service_layer.store import Store, Transaction
    from allocation.service_layer.views import Reader
    from tests.faults.simulation.world import World


class _TellsRejections(Wrapped):
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


class _NoMessageIds(Wrapped):
    """A connection that sends no `Nats-Msg-Id`."""

    def client(self) -> Any:  # noqa: ANN401 - a client of nats-py
        """Answer the client, so."""
        return _ClientWithoutIds(self._inner.client())


class _ClientWithoutIds(Wrapped):
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
    return replace(adapters, store=cast("Store", ForgetfulStore(adapters.store, "inbox")))


def has_no_fence(adapters: Adapters, _: World) -> Adapters:
    """Forget which quantity came last."""
    return replace(adapters, store=cast("Store", ForgetfulStore(adapters.store, "fences")))


def has_no_message_ids(adapters: Adapters, _: World) -> Adapters:
    """Publish without identities for the broker; the relay still looks into the stream after every doubt."""
    events: Any = adapters.events
    events._connection = _NoMessageIds(events._connection)  # noqa: SLF001 - the broken build changes this one line of the real one
    return adapters


def has_cursor(adapters: Adapters, world: World) -> Adapters:
    """Publish by a cursor over positions."""
    published = world.cursor
    store = cast("Store", CursorStore(adapters.store, published))
    return replace(adapters, store=store, reader=cast("Reader", CursorReader(adapters.reader, published)))


def takes_unknown_for_refused(adapters: Adapters, _: World) -> Adapters:
    """Try each again after an unknown commit."""
    return replace(adapters, store=cast("Store", UnknownIsRefused(adapters.store)))


def has_no_outbox(adapters: Adapters, world: World) -> Adapters:
    """Publish without an outbox."""
    return replace(adapters, store=cast("Store", PublishesAtOnce(adapters.store, adapters.events, world)))


def rejects_at_once(service: Service) -> None:
    """Answer a rejection as soon as it is judged, in a transaction that may be rolled back."""
    executor: Any = service.group_commit._executor  # noqa: SLF001 - the broken build changes these parts of the real one
    carry_out = executor.carry_out
    answers: dict[int, asyncio.Future[Any]] = {}

    async def carry_out_noting(group: Sequence[Any]) -> None:
        answers.clear()
        answers.update({id(waiting.envelope): waiting.answer for waiting in group})
        await carry_out(group)

    def tell(envelope: Envelope, answer: object) -> None:
        if isinstance(answer, Rejection) and not answers[id(envelope)].done():
            answers[id(envelope)].set_exception(answer)

    executor.carry_out = carry_out_noting
    executor._bus = _TellsRejections(executor._bus, tell)  # noqa: SLF001 - see above
