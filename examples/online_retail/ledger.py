"""What was asked of the service and what it answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from stock.allocation.v1.batch_pb2 import Batch
    from stock.allocation.v1.line_pb2 import LineStatus

    from examples.online_retail.days import Line

LineKey = tuple[str, str]


@dataclass
class Asked:
    """The order lines of the run, in the order asked, and the answer to each at once."""

    lines: dict[LineKey, Line] = field(default_factory=dict)
    days: dict[LineKey, date] = field(default_factory=dict)
    answers: dict[LineKey, LineStatus] = field(default_factory=dict)
    seconds: dict[date, float] = field(default_factory=dict)

    def ask(self, day: date, line: Line) -> None:
        """Enter a line before it is sent."""
        key = (line.order_id, line.line_id)
        self.lines[key] = line
        self.days[key] = day

    def answer(self, status: LineStatus) -> None:
        """Enter an answer."""
        self.answers[status.order_id, status.line_id] = status

    @property
    def orders(self) -> Iterable[str]:
        """Every order once."""
        return dict.fromkeys(order_id for order_id, _ in self.lines)


@dataclass
class Listed:
    """How things stand at the end, as ListLines and ListBatches say."""

    lines: dict[LineKey, LineStatus] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)
