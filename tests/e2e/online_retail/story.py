"""A run in which all is well, told by hand: one order of three lines, one of which is displaced and comes back."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from stock.allocation.v1 import events_pb2
from stock.allocation.v1.batch_pb2 import Batch
from stock.allocation.v1.line_pb2 import LineState, LineStatus

from examples.online_retail.checks import Run
from examples.online_retail.days import Adjustment, Day, Line
from examples.online_retail.events import Events
from examples.online_retail.ledger import Asked, Listed
from examples.online_retail.shelves import StockBook

if TYPE_CHECKING:
    from google.protobuf.message import Message

DAY = date(2031, 3, 1)
ORDER, SKU = "run-100001", "run-SMALL-TABLE"
SHELF, SHIPMENT = f"{SKU}-{DAY}-shelf", f"{SKU}-{DAY}-shipment"
STAYS, MOVES, HUGE = (Line(ORDER, "1", SKU, 2), Line(ORDER, "2", SKU, 3), Line(ORDER, "3", SKU, 5))


def line_event(kind: type[Message], line: Line, **others: Any) -> Message:  # noqa: ANN401 - fields of any event
    return kind(order_id=line.order_id, line_id=line.line_id, sku=line.sku, quantity=line.quantity, **others)


def stock_changed(reference: str, quantity: int, sku_sequence: int) -> Message:
    return events_pb2.StockChanged(batch_reference=reference, sku=SKU, purchased_quantity=quantity, sku_sequence=sku_sequence)


def status(line: Line, state: LineState, reference: str, sku_sequence: int) -> LineStatus:
    return LineStatus(
        order_id=line.order_id,
        line_id=line.line_id,
        sku=line.sku,
        quantity=line.quantity,
        state=state,
        batch_reference=reference,
        sku_sequence=sku_sequence,
    )


def what_happened() -> list[Message]:
    """Tell the events in the order of their sku_sequence."""
    return [
        stock_changed(SHELF, 5, 1),
        stock_changed(SHIPMENT, 5, 2),
        line_event(events_pb2.Allocated, STAYS, batch_reference=SHELF, sku_sequence=3),
        line_event(events_pb2.Allocated, MOVES, batch_reference=SHELF, sku_sequence=4),
        line_event(events_pb2.OutOfStock, HUGE, sku_sequence=5),
        line_event(events_pb2.Deallocated, MOVES, batch_reference=SHELF, sku_sequence=6),
        stock_changed(SHELF, 4, 7),
        line_event(events_pb2.Allocated, MOVES, batch_reference=SHIPMENT, sku_sequence=8),
    ]


def a_run(happened: list[Message] | None = None, days: int = 2) -> Run:
    """Tell the run; whoever wants it to be wrong spoils a part of it."""
    day = Day(DAY, [STAYS, MOVES, HUGE])
    stock = StockBook(1.0, 0.5)
    stock.receive(day)
    stock.adjust(Adjustment(SKU, -1))
    asked = Asked(seconds={DAY: 2.0})
    for line in day.lines:
        asked.ask(DAY, line)
    asked.answer(status(STAYS, LineState.LINE_STATE_ALLOCATED, SHELF, 3))
    asked.answer(status(MOVES, LineState.LINE_STATE_ALLOCATED, SHELF, 4))
    asked.answer(status(HUGE, LineState.LINE_STATE_OUT_OF_STOCK, "", 5))
    events = Events("run")
    for place, message in enumerate(what_happened() if happened is None else happened, start=1):
        events.add(place, f"event-{place}", message)
    listed = Listed()
    for line, reference, sku_sequence in ((STAYS, SHELF, 3), (MOVES, SHIPMENT, 8)):
        listed.lines[line.order_id, line.line_id] = status(line, LineState.LINE_STATE_ALLOCATED, reference, sku_sequence)
    listed.batches[SHELF] = Batch(batch_reference=SHELF, sku=SKU, purchased_quantity=4, allocated_quantity=2)
    listed.batches[SHIPMENT] = Batch(batch_reference=SHIPMENT, sku=SKU, purchased_quantity=5, allocated_quantity=3)
    return Run(days, asked, stock, events, listed)
