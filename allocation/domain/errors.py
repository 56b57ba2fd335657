"""Rejections: commands that cannot be carried out. Each changed nothing, and carries the values that explain it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from allocation.domain.batch import Batch
    from allocation.domain.commands import CreateBatch
    from allocation.domain.order_line import OrderLine


class RejectionReason(Enum):
    """Why a command was rejected, for machines; the names are those of the contract."""

    UNKNOWN_BATCH = "unknown_batch"
    UNKNOWN_SKU = "unknown_sku"
    BATCH_CONFLICT = "batch_conflict"
    LINE_CONFLICT = "line_conflict"


class Rejection(Exception):  # noqa: N818 - the word of the domain
    """A command could not be carried out and changed nothing; the text is for people."""

    reason: ClassVar[RejectionReason]


@dataclass
class UnknownBatch(Rejection):
    """No batch has this reference."""

    batch_reference: str
    reason = RejectionReason.UNKNOWN_BATCH

    def __str__(self) -> str:
        return f"no batch has the reference {self.batch_reference!r}"


@dataclass
class UnknownSku(Rejection):
    """No batch of this sku was ever created."""

    sku: str
    reason = RejectionReason.UNKNOWN_SKU

    def __str__(self) -> str:
        return f"no batch of sku {self.sku!r} was ever created"


@dataclass
class BatchConflict(Rejection):
    """The batch exists, and was first created with other content."""

    asked: CreateBatch
    batch: Batch
    reason = RejectionReason.BATCH_CONFLICT

    def __str__(self) -> str:
        asked, batch = self.asked, self.batch
        return (
            f"batch {batch.reference!r} was created with sku {batch.sku!r}, quantity {batch.created_quantity}, "
            f"eta {batch.eta and batch.eta.isoformat()}; asked were sku {asked.sku!r}, "
            f"quantity {asked.purchased_quantity}, eta {asked.eta and asked.eta.isoformat()}"
        )


@dataclass
class LineConflict(Rejection):
    """The line exists, and was first requested with another sku or quantity."""

    asked: OrderLine
    kept: OrderLine
    reason = RejectionReason.LINE_CONFLICT

    def __str__(self) -> str:
        asked, kept = self.asked, self.kept
        return (
            f"line {kept.line_id!r} of order {kept.order_id!r} was requested with sku {kept.sku!r}, "
            f"quantity {kept.quantity}; asked were sku {asked.sku!r}, quantity {asked.quantity}"
        )
