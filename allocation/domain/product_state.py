"""What a product remembers beside its batches and lines, and what a change of it came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(slots=True)
class Reallocation:
    """How many lines left a batch, and how many of those were promised again or are now backordered."""

    deallocated: int = 0
    reallocated: int = 0
    backordered: int = 0


@dataclass(slots=True)
class ProductState:
    """What a product remembers beside its batches and lines.

    `batch_count` 0 means that the sku is unknown. `waiting_lines` counts the kept lines without a batch.
    `promised_through` is None, or the promise number up to which the waiting lines were tried when a transaction had taken
    all that it may.
    """

    sku: str
    sku_sequence: int = 0
    promise_number: int = 0
    batch_count: int = 0
    waiting_lines: int = 0
    promised_through: int | None = None


@dataclass(slots=True)
class LinesHeld:
    """What the kept lines of a product come to: units promised by batch, how many lines wait, the highest promise number."""

    promised: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    promise_number: int = 0


class Recounted(NamedTuple):
    """A counter that was not what the lines say: of a batch, or of the product itself (None)."""

    batch_reference: str | None
    counter: str
    was: int
    now: int
