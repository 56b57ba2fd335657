"""What has happened. Public events leave the house as protobuf messages (see the contract); internal ones stay in the log."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from allocation.domain.errors import RejectionReason
    from allocation.domain.order_line import OrderLine


class Event:
    """Has happened, in the past tense: nobody can refuse it any more."""

    __slots__ = ()


class DeallocationReason(Enum):
    """Why a line left its batch."""

    BATCH_SHRANK = "batch_shrank"


@dataclass(frozen=True, slots=True)
class Allocated(Event):
    """A line was promised to a batch."""

    line: OrderLine
    batch_reference: str
    eta: datetime | None
    sku_sequence: int


@dataclass(frozen=True, slots=True)
class Deallocated(Event):
    """A line left its batch; Allocated or Backordered follows."""

    line: OrderLine
    batch_reference: str
    reason: DeallocationReason
    sku_sequence: int


@dataclass(frozen=True, slots=True)
class Backordered(Event):
    """A line is kept and waits for stock."""

    line: OrderLine
    sku_sequence: int


@dataclass(frozen=True, slots=True)
class OutOfStock(Event):
    """A caller was told that no batch has room; the line is not kept."""

    line: OrderLine
    sku_sequence: int


@dataclass(frozen=True, slots=True)
class StockChanged(Event):
    """A batch was created, or holds another quantity."""

    batch_reference: str
    sku: str
    purchased_quantity: int
    eta: datetime | None
    sku_sequence: int


@dataclass(frozen=True, slots=True)
class Rejected(Event):
    """An inbound event asked for something that could not be carried out."""

    reason: RejectionReason
    detail: str
    sku: str
    quantity: int
    batch_reference: str = ""
    order_id: str = ""
    line_id: str = ""


@dataclass(frozen=True, slots=True)
class QuantitySkipped(Event):
    """Internal: a quantity arrived after a newer one of the same stream, and was not applied."""

    batch_reference: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PromisingUnfinished(Event):
    """Internal: more lines have to leave a batch, or to be tried, than one transaction takes."""

    sku: str


@dataclass(frozen=True, slots=True)
class PromisingFinished(Event):
    """Internal: what was left unfinished is done."""

    sku: str


@dataclass(frozen=True, slots=True)
class MessageParked(Event):
    """Internal: an inbound message was set aside, with its reason."""

    stream: str
    incarnation: int
    sequence: int
    reason: str
    sku: str = ""


@dataclass(frozen=True, slots=True)
class MessageEnded(Event):
    """Internal: a parked message was carried out after all, or discarded; `detail` holds the operator's reason."""

    stream: str
    incarnation: int
    sequence: int
    outcome: str
    detail: str
    sku: str = ""


@dataclass(frozen=True, slots=True)
class ProductRepaired(Event):
    """Internal: an operator had a product's counters, or where its lines stand, made right again; `changes` says what."""

    sku: str
    changes: tuple[str, ...]
