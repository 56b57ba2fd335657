"""Parts of the service that fail now and then, by chance, in ways that the service has to live with."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from allocation.domain import commands
from allocation.service_layer.messagebus import COMMAND_HANDLERS
from allocation.service_layer.store import OutcomeUnknownError

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocation.connections import Adapters
    from allocation.domain.commands import Command
    from allocation.service_layer.store import Store, Transaction
    from allocation.service_layer.unit_of_work import UnitOfWork

Result = TypeVar("Result")
ALWAYS_CRASHES = "an order that crashes its handler"
_UNKNOWN_OUTCOMES, _CRASHES = 0.05, 0.05
_RESTLESS_COMMANDS = (commands.Allocate, commands.PlaceOrder, commands.ChangeBatchQuantity)


class SaysNotWhetherItCommitted:
    """A store whose connection breaks around one commit in twenty: half of these it has done, the others not."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self._store = store
        self._chance = chance

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work in one transaction."""
        if self._chance.random() >= _UNKNOWN_OUTCOMES:
            return await self._store.transact(work)
        if self._chance.random() < 1 / 2:
            await self._store.transact(work)
        raise OutcomeUnknownError("the connection broke around the commit")


def _unknown_outcomes(adapters: Adapters, seed: int) -> Adapters:
    return replace(adapters, store=SaysNotWhetherItCommitted(adapters.store, _chance(seed)))


def _crashing_handlers(adapters: Adapters, seed: int) -> Adapters:
    """Have handlers crash after they did something, once in twenty times; for one certain order, always."""
    chance = _chance(seed)

    def crashing(handler: Callable[[Any, UnitOfWork], object]) -> Callable[[Command, UnitOfWork], object]:
        def handle(command: Command, uow: UnitOfWork) -> object:
            answer = handler(command, uow)
            if chance.random() < _CRASHES or _always_crashes(command):
                raise RuntimeError(f"a bug that shows now and then: {type(command).__name__}")
            return answer

        return handle

    for kind in _RESTLESS_COMMANDS:
        COMMAND_HANDLERS[kind] = crashing(COMMAND_HANDLERS[kind])
    return adapters


def _always_crashes(command: Command) -> bool:
    return isinstance(command, commands.PlaceOrder) and command.order_id == ALWAYS_CRASHES


def _chance(seed: int) -> random.Random:
    return random.Random(f"{seed} restless")  # noqa: S311 - varies the failures, keeps no secret


RESTLESS: dict[str, Callable[[Adapters, int], Adapters]] = {
    "unknown-outcomes": _unknown_outcomes,
    "crashing-handlers": _crashing_handlers,
}
