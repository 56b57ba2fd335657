"""What was asked of the service and what it answered, as its callers remember it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from stock.allocation.v1.allocation_service_pb2 import AllocateRequest
    from stock.allocation.v1.line_pb2 import LineStatus


class LineName(NamedTuple):
    """What names an order line; an empty line_id was replaced by the sku."""

    order_id: str
    line_id: str


@dataclass
class AskedLine:
    """One line asked for by RPC, once or again after a call that nobody answered."""

    request: AllocateRequest
    calls: int = 0
    answers: list[LineStatus] = field(default_factory=list)

    @property
    def name(self) -> LineName:
        """The line."""
        return LineName(self.request.order_id, self.request.line_id or self.request.sku)


@dataclass(frozen=True)
class Published:
    """One message that the broker acknowledged, and where it said to have stored it."""

    subject: str
    message: Any
    headers: dict[str, str]
    sequence: int


@dataclass
class Ledger:
    """Everything that was asked."""

    lines: list[AskedLine] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)

    @property
    def unanswered(self) -> int:
        """How many calls were never answered."""
        return sum(line.calls - len(line.answers) for line in self.lines)

    def __str__(self) -> str:
        calls = sum(line.calls for line in self.lines)
        return f"{calls} RPCs ({self.unanswered} unanswered), {len(self.published)} messages published"
