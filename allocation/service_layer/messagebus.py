"""The bus: two dicts say which handler a message goes to; a group of commands shares one unit of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from allocation.domain import commands, events
from allocation.domain.errors import Rejection
from allocation.service_layer import bookkeeping, handlers, housekeeping, repair, retention
from allocation.service_layer.footprints import footprint_of
from allocation.service_layer.inbox import consume, replay
from allocation.service_layer.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from allocation.service_layer.envelope import Envelope
    from allocation.service_layer.event_log import Recorder
    from allocation.service_layer.store import Transaction

COMMAND_HANDLERS: dict[type[commands.Command], Callable[..., Any]] = {
    commands.CreateBatch: handlers.create_batch,
    commands.Allocate: handlers.allocate,
    commands.PlaceOrder: handlers.place_order,
    commands.ChangeBatchQuantity: handlers.change_batch_quantity,
    commands.ContinuePromising: handlers.continue_promising,
    housekeeping.ObserveStream: bookkeeping.observe_stream,
    housekeeping.MarkPublished: bookkeeping.mark_published,
    housekeeping.DiscardParked: bookkeeping.discard_parked,
    housekeeping.ReEmit: bookkeeping.re_emit,
    housekeeping.RepairProduct: repair.repair_product,
    housekeeping.ForgetInbox: retention.forget_inbox,
    housekeeping.ForgetParked: retention.forget_parked,
    housekeeping.ForgetEvents: retention.forget_events,
}

EVENT_HANDLERS: dict[type[events.Event], list[Callable[..., None]]] = {
    events.Allocated: [handlers.announce],
    events.Deallocated: [handlers.announce],
    events.Backordered: [handlers.announce],
    events.OutOfStock: [handlers.announce],
    events.StockChanged: [handlers.announce],
    events.Rejected: [handlers.announce],
    events.QuantitySkipped: [handlers.announce],
    events.MessageParked: [handlers.announce],
    events.MessageEnded: [handlers.announce],
    events.ProductRepaired: [handlers.announce],
    events.PromisingUnfinished: [handlers.announce, handlers.continue_later],
    events.PromisingFinished: [handlers.announce, handlers.stop_continuing],
}


class CommandCrashed(Exception):  # noqa: N818 - it names what happened to the command; the cause is the error
    """A handler raised what is no rejection: a bug. `index` is the place of its command in the group."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """What a group came to.

    `answers` holds, for each command that was carried out, in order, its answer or its rejection: fewer than there were
    commands if the transaction was full before the end.
    """

    answers: list[Any]
    has_public_events: bool
    leaves_unfinished: bool


class MessageBus:
    """Carries out groups of commands, each inside one transaction that somebody else commits."""

    def __init__(self, recorder: Recorder, *, promises_per_transaction_max: int) -> None:
        self._recorder = recorder
        self._steps_max = promises_per_transaction_max

    def handle(self, envelopes: Sequence[Envelope], transaction: Transaction) -> GroupOutcome:
        """Carry out commands in order until all are done or the transaction is full.

        Raises:
            CommandCrashed: one of them has met a bug; nothing of the group may be committed.

        """
        footprint, count = footprint_of(envelopes)
        uow = UnitOfWork(transaction, footprint, self._recorder, self._steps_max)
        answers: list[Any] = []
        for index, envelope in enumerate(envelopes[:count]):
            if answers and uow.is_full:
                break
            try:
                answers.append(self._handle_one(envelope, uow))
            except Exception as bug:
                raise CommandCrashed(index) from bug
        changes = uow.write()
        return GroupOutcome(answers, changes.has_public_events, changes.leaves_unfinished)

    def _handle_one(self, envelope: Envelope, uow: UnitOfWork) -> object:
        answer: object
        if envelope.receipt is not None:
            take_in = replay if envelope.receipt.is_replay else consume
            answer = take_in(envelope.command, envelope.receipt, uow, carry_out)
        else:
            try:
                answer = carry_out(envelope.command, uow)
            except Rejection as rejection:
                answer = rejection
        for event in uow.recorded:
            for handler in EVENT_HANDLERS[type(event)]:
                handler(event, envelope, uow)
        uow.recorded.clear()
        return answer


def carry_out(command: commands.Command, uow: UnitOfWork) -> object:
    """Hand a command to its handler."""
    return COMMAND_HANDLERS[type(command)](command, uow)
