"""What became of the lines, counted by the day on which they were asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stock.allocation.v1 import events_pb2
from stock.allocation.v1.line_pb2 import LineState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from examples.online_retail.events import Events
    from examples.online_retail.ledger import Asked, LineKey, Listed
    from examples.online_retail.shelves import StockBook

ASKED, ALLOCATED, BACKORDERED, OUT_OF_STOCK = "lines asked", "allocated", "backordered", "out of stock"
DEALLOCATED, REALLOCATED, EVENTS = "deallocated", "reallocated", "events"
COUNTED = (ASKED, ALLOCATED, BACKORDERED, OUT_OF_STOCK, DEALLOCATED, REALLOCATED, EVENTS)
_BY_STATE = {LineState.LINE_STATE_ALLOCATED: ALLOCATED, LineState.LINE_STATE_BACKORDERED: BACKORDERED}


@dataclass
class Figures:
    """The figures of some lines, and how many seconds it took to have them answered."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def lines_per_second(self) -> float:
        """How fast the lines were answered."""
        return self.counts[ASKED] / self.seconds if self.seconds else 0.0


def figures_by_day(asked: Asked, stock: StockBook, events: Events, listed: Listed) -> dict[date, Figures]:
    """Count. A line that is not listed was out of stock; events without a line belong to the day of their batch."""
    by_day = {day: Figures(seconds=seconds) for day, seconds in asked.seconds.items()}
    for key, day in asked.days.items():
        by_day[day].counts[ASKED] += 1
        state = listed.lines[key].state if key in listed.lines else LineState.LINE_STATE_OUT_OF_STOCK
        by_day[day].counts[_BY_STATE.get(state, OUT_OF_STOCK)] += 1
    for what, messages in (
        (DEALLOCATED, deallocated(events)),
        (REALLOCATED, reallocated(events)),
        (EVENTS, (event.message for event in events.all)),
    ):
        for message in messages:
            day_of = asked.days.get(_line(message)) or stock.days.get(getattr(message, "batch_reference", ""))
            if day_of is not None:
                by_day[day_of].counts[what] += 1
    return by_day


def total(by_day: dict[date, Figures]) -> Figures:
    """Add up the days."""
    together = Figures()
    for figures in by_day.values():
        together.counts += figures.counts
        together.seconds += figures.seconds
    return together


def deallocated(events: Events) -> Iterator[Any]:
    """Answer every Deallocated."""
    return (event.message for event in events.all if isinstance(event.message, events_pb2.Deallocated))


def reallocated(events: Events) -> Iterator[Any]:
    """Answer every Allocated that gave a displaced line its promise back, at once or after it had waited."""
    for told in events.by_sku.values():
        displaced: set[LineKey] = set()
        for number in sorted(told):
            message = told[number].message
            if isinstance(message, events_pb2.Deallocated):
                displaced.add(_line(message))
            elif isinstance(message, events_pb2.Allocated) and _line(message) in displaced:
                displaced.remove(_line(message))
                yield message


def _line(message: Any) -> LineKey:  # noqa: ANN401 - any event
    return getattr(message, "order_id", ""), getattr(message, "line_id", "")
