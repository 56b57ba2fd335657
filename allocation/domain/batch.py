"""A batch: a quantity of one sku that was bought together, and how much of it is promised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from allocation.domain.commands import CreateBatch

_NO_MATTER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True, eq=False)
class Batch:
    """A quantity of one sku, of which `allocated_quantity` is promised: never more than `purchased_quantity`.

    `eta` is None for stock that is there, else an aware datetime. `created_quantity` is what the batch was first created
    with. `target_quantity` is what was last asked for: below `purchased_quantity` only while lines still have to leave.
    """

    reference: str
    sku: str
    purchased_quantity: int
    eta: datetime | None
    allocated_quantity: int
    created_quantity: int
    target_quantity: int

    @classmethod
    def create(cls, reference: str, sku: str, quantity: int, eta: datetime | None) -> Batch:
        """Make a new batch of which nothing is promised."""
        return cls(reference, sku, quantity, eta, allocated_quantity=0, created_quantity=quantity, target_quantity=quantity)

    @property
    def available_quantity(self) -> int:
        """How many units can still be promised."""
        return self.purchased_quantity - self.allocated_quantity

    @property
    def is_shrinking(self) -> bool:
        """Whether lines still have to leave before the batch is as small as it was asked to be."""
        return self.target_quantity < self.purchased_quantity

    @property
    def preference(self) -> tuple[bool, datetime, str]:
        """Sorts batches as they are to be promised: in stock first, then the earliest eta, ties by reference."""
        return (self.eta is not None, self.eta or _NO_MATTER, self.reference)

    def was_created_by(self, command: CreateBatch) -> bool:
        """Whether a creation asks for what this batch was first created with, whatever became of it since."""
        asked = (command.batch_reference, command.sku, command.purchased_quantity, command.eta)
        return asked == (self.reference, self.sku, self.created_quantity, self.eta)

    def can_allocate(self, quantity: int) -> bool:
        """Whether there is room for all of it."""
        return quantity <= self.available_quantity

    def allocate(self, quantity: int) -> None:
        """Promise units that there is room for."""
        if not self.can_allocate(quantity):
            raise AssertionError(f"batch {self.reference!r} has {self.available_quantity} left, not {quantity}")
        self.allocated_quantity += quantity

    def deallocate(self, quantity: int) -> None:
        """Take back units that were promised."""
        if quantity > self.allocated_quantity:
            raise AssertionError(f"batch {self.reference!r} has promised {self.allocated_quantity}, not {quantity}")
        self.allocated_quantity -= quantity

    def recount(self, promised: int) -> None:
        """Take up what the lines on it come to; if that is more than it holds, it is shrinking until lines have left."""
        self.allocated_quantity = promised
        if promised > self.purchased_quantity:
            self.target_quantity = min(self.target_quantity, self.purchased_quantity)
            self.purchased_quantity = promised

    def fit_to_target(self) -> bool:
        """Come as near to the target quantity as the promises allow, and say whether that changed anything."""
        fitting = max(self.target_quantity, self.allocated_quantity)
        changed = fitting != self.purchased_quantity
        self.purchased_quantity = fitting
        return changed
