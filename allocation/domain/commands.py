"""What can be asked of the service. Values are valid by the time a command is made: the doors see to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from allocation.domain.order_line import OrderLine


class Command:
    """Asked of us, in the imperative: it is carried out, or rejected and changes nothing."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class CreateBatch(Command):
    """Take in a batch of stock; `eta` None means that it is in stock."""

    batch_reference: str
    sku: str
    purchased_quantity: int
    eta: datetime | None = None


@dataclass(frozen=True, slots=True)
class Allocate(Command):
    """Promise a line to a batch now, or answer that it is out of stock."""

    line: OrderLine


@dataclass(frozen=True, slots=True)
class PlaceOrder(Command):
    """Promise each line to a batch, or keep it as backordered."""

    order_id: str
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True)
class ChangeBatchQuantity(Command):
    """Set what a batch holds, promised units included."""

    batch_reference: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ContinuePromising(Command):
    """Go on where a transaction had to stop: lines that must leave a batch, then lines that wait for stock."""

    sku: str
