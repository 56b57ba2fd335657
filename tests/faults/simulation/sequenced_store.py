"""A store whose log is numbered as PostgreSQL numbers it: a position is taken before the commit, and commits overtake."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tests.faults.simulation.store import UncertainStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocation.adapters.memory import MemoryStore
    from allocation.service_layer.store import Transaction
    from tests.faults.simulation.chance import Chance
    from tests.faults.simulation.trace import Trace

Result = TypeVar("Result")
_BLOCK = 1_000_000
"""So many positions a transaction takes at its beginning; none writes as many events."""


class SequencedStore(UncertainStore):
    """One of two writers. `positions` holds the position of every event by its identity.

    Two writers never change the same sku here, so that the order of a sku is that of its positions, as its lock would have it.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what every store has, and the numbers
        self,
        memory: MemoryStore,
        chance: Chance,
        trace: Trace,
        die: Callable[[str], None],
        new_block: Callable[[], int],
        positions: dict[str, int],
    ) -> None:
        super().__init__(memory, chance, trace, die)
        self._new_block = new_block
        self._positions = positions

    def began(self) -> int:
        """Take a block of positions."""
        return self._new_block() * _BLOCK

    def commit(self, work: Callable[[Transaction], Result], begun: int) -> Result:
        """Do the work, and give what it wrote the positions that it took when it began."""
        memory = self._memory
        before = len(memory.log)
        result = super().commit(work, begun)
        for number, event in enumerate(memory.log[before:], 1):
            self._positions[event.event_id] = begun + number
            if (unpublished := memory.unpublished.pop(before + number, None)) is not None:
                memory.unpublished[begun + number] = unpublished
        return result
