"""The ports to the store: what a transaction loads and writes, as promises that memory and SQL keep alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocation.domain.order_line import KeptLine
    from allocation.service_layer.records import Changes, Footprint, Loaded

Result = TypeVar("Result")


class StoreUnavailableError(Exception):
    """The store cannot be reached or cannot write: nothing happened."""


class OutcomeUnknownError(Exception):
    """The store did not say whether it committed."""


class Transaction(Protocol):
    """The inside of one transaction; synchronous, and used by one thread. Reads see what was committed before."""

    def load(self, footprint: Footprint) -> Loaded:
        """Load all that a group of commands touches, in a number of statements that does not grow with it."""

    def latest_lines(self, batch_reference: str, below: int, limit: int) -> list[KeptLine]:
        """Load the lines on a batch with a promise number under `below`, the highest first."""

    def waiting_lines(self, sku: str, after: int, quantity_max: int, limit: int) -> list[KeptLine]:
        """Load the lines without a batch with a promise number above `after`, the lowest first.

        Only displaced lines and those of at most `quantity_max` units.
        """

    def write(self, changes: Changes) -> None:
        """Write everything; called once, last."""


class Store(Protocol):
    """The store for those who change it. One transaction runs at a time."""

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Do the work in one transaction, and answer its result when it is durable.

        The work may run in another thread. What it raises is raised here, after everything was rolled back. A caller that is
        cancelled stops nothing that has begun.

        Raises:
            StoreUnavailableError: the store is away; nothing happened.
            OutcomeUnknownError: the connection broke while it committed.

        """
