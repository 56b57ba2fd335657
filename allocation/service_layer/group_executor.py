"""Carries out a group of commands: in one transaction, or in more where it does not fit into one or a command spoils it."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from allocation.domain.errors import Rejection
from allocation.service_layer.errors import CrashedError
from allocation.service_layer.messagebus import CommandCrashed, GroupOutcome
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from allocation.service_layer.envelope import Envelope
    from allocation.service_layer.messagebus import MessageBus
    from allocation.service_layer.store import Store

log = structlog.get_logger()
_SHOWN_CHARACTERS_MAX = 500


@dataclass(slots=True, eq=False)
class Waiting:
    """A command that waits to be carried out; `alone` in a group of its own."""

    envelope: Envelope
    alone: bool
    answer: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class GroupExecutor:
    """Answers every command of a group after the transaction that it was carried out in is durable, or has failed.

    `committed` is called after each commit.
    """

    def __init__(self, store: Store, bus: MessageBus, committed: Callable[[GroupOutcome], None]) -> None:
        self._store = store
        self._bus = bus
        self._committed = committed

    async def carry_out(self, group: Sequence[Waiting]) -> None:
        """Carry out a group to the end: what did not fit into a transaction, or must not share one, gets another."""
        rest = deque([list(group)])
        while rest:
            part = [waiting for waiting in rest.popleft() if not waiting.answer.cancelled()]
            if not part:
                continue
            try:
                outcome = await self._transact(part)
            except CommandCrashed as crash:
                bug, companions = part[crash.index], part[: crash.index] + part[crash.index + 1 :]
                log.exception("command crashed", command=_shown(bug))
                fail([bug], CrashedError("internal error"))
                rest.extendleft([companions] if companions else [])
            except (StoreUnavailableError, OutcomeUnknownError) as error:
                log.warning("store failed", error=str(error), kind=type(error).__name__, commands=len(part))
                fail(part, error)
            except Exception as error:  # noqa: BLE001 - whatever a database refuses: find the command it refuses
                rest.extendleft(reversed(_halves(part, error)))
            else:
                _resolve(part[: len(outcome.answers)], outcome.answers)
                self._committed(outcome)
                rest.extendleft([left] if (left := part[len(outcome.answers) :]) else [])

    async def _transact(self, part: Sequence[Waiting]) -> GroupOutcome:
        envelopes = [waiting.envelope for waiting in part]
        return await self._store.transact(lambda transaction: self._bus.handle(envelopes, transaction))


def _halves(part: list[Waiting], error: Exception) -> list[list[Waiting]]:
    if len(part) == 1:
        log.error("command refused by the store", command=_shown(part[0]), exc_info=error)
        fail(part, CrashedError("internal error"))
        return []
    middle = len(part) // 2
    return [part[:middle], part[middle:]]


def _shown(waiting: Waiting) -> str:
    return repr(waiting.envelope.command)[:_SHOWN_CHARACTERS_MAX]


def _resolve(part: Sequence[Waiting], answers: Sequence[Any]) -> None:
    for waiting, answer in zip(part, answers, strict=True):
        if isinstance(answer, Rejection):
            fail([waiting], answer)
        elif not waiting.answer.done():
            waiting.answer.set_result(answer)


def fail(part: Iterable[Waiting], error: Exception) -> None:
    """Answer commands with an error, as far as their callers still wait."""
    for waiting in part:
        with suppress(asyncio.InvalidStateError):
            waiting.answer.set_exception(error)
