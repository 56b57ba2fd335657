"""An order line: what is asked for, and what becomes of it once it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class LineState(Enum):
    """Where a line stands. OUT_OF_STOCK is only ever an answer; a kept line is in one of the others."""

    ALLOCATED = "allocated"
    OUT_OF_STOCK = "out_of_stock"
    BACKORDERED = "backordered"
    DISPLACED = "displaced"
    """Left its batch, and was not yet tried on the others: backordered, but not announced as such."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """What was ordered: `quantity` units (at least 1) of a sku, named by order_id and line_id."""

    order_id: str
    line_id: str
    sku: str
    quantity: int


@dataclass(slots=True, eq=False)
class KeptLine:
    """An order line that the service has taken on: promised to a batch, or waiting for stock.

    `promise_number` counts within the sku and never changes: the later a line was first kept, the higher it is.
    `sku_sequence` is that of the last event about the line.
    """

    line: OrderLine
    promise_number: int
    state: LineState
    batch_reference: str | None = None
    sku_sequence: int = 0

    @property
    def is_waiting(self) -> bool:
        """Whether the line has no batch."""
        return self.batch_reference is None


@dataclass(frozen=True, slots=True)
class LineStatus:
    """Where a line stands now, as an answer; `batch_reference` and `eta` belong to an allocated line."""

    line: OrderLine
    state: LineState
    sku_sequence: int
    batch_reference: str | None = None
    eta: datetime | None = None
