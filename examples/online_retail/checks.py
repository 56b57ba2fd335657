"""Whether what the service answered, listed and announced is one story: each check tells what is wrong, line by line."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stock.allocation.v1 import events_pb2
from stock.allocation.v1.line_pb2 import LineState

from examples.online_retail.figures import deallocated, reallocated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stock.allocation.v1.line_pb2 import LineStatus

    from examples.online_retail.events import Events
    from examples.online_retail.ledger import Asked, Listed
    from examples.online_retail.shelves import StockBook

    Check = Callable[["Run"], Iterator[str]]

ALLOCATED, OUT_OF_STOCK = LineState.LINE_STATE_ALLOCATED, LineState.LINE_STATE_OUT_OF_STOCK
STATES: dict[type[Any], LineState] = {
    events_pb2.Allocated: ALLOCATED,
    events_pb2.Backordered: LineState.LINE_STATE_BACKORDERED,
    events_pb2.OutOfStock: OUT_OF_STOCK,
}


@dataclass(frozen=True)
class Run:
    """All that is known of a run at its end; `days` is how many were replayed."""

    days: int
    asked: Asked
    stock: StockBook
    events: Events
    listed: Listed


def no_batch_is_over_its_quantity(run: Run) -> Iterator[str]:
    """Every batch holds what our book says, has promised no more than that, and exactly what its lines add up to."""
    promised: Counter[str] = Counter()
    for line in run.listed.lines.values():
        promised[line.batch_reference] += line.quantity
    for reference, quantities in run.stock.quantities.items():
        batch = run.listed.batches.get(reference)
        if batch is None:
            yield f"batch {reference} is not listed"
            continue
        if batch.allocated_quantity > batch.purchased_quantity:
            yield f"batch {reference} of {batch.purchased_quantity} has promised {batch.allocated_quantity}"
        if batch.purchased_quantity != quantities[-1]:
            yield f"batch {reference} should hold {quantities[-1]}, and is listed with {batch.purchased_quantity}"
        if batch.allocated_quantity != promised[reference]:
            yield f"batch {reference} says {batch.allocated_quantity} promised, its lines add up to {promised[reference]}"


def the_last_event_of_each_line_is_how_it_is_listed(run: Run) -> Iterator[str]:
    """The event of the highest sku_sequence tells where a line stands; one out of stock is not kept."""
    for key, line in run.asked.lines.items():
        last, listed = run.events.last.get(key), run.listed.lines.get(key)
        if last is None:
            yield f"line {key} has no event"
        elif type(last) not in STATES:
            yield f"line {key} ends with {_name(last)}"
        elif last.quantity != line.quantity or last.sku != line.sku:
            yield f"line {key} asked for {line.quantity} of {line.sku}, its last event says {last.quantity} of {last.sku}"
        elif isinstance(last, events_pb2.OutOfStock):
            if listed is not None:
                yield f"line {key} is out of stock by its last event, and is listed"
        elif listed is None:
            yield f"line {key} ends with {_name(last)}, and is not listed"
        elif _story(last) != _listed_story(listed):
            yield f"line {key} ends with {_name(last)} {_story(last)}, and is listed as {_listed_story(listed)}"
    for key in (run.events.last.keys() | run.listed.lines.keys()) - run.asked.lines.keys():
        yield f"line {key} was never asked for"


def every_answer_was_announced(run: Run) -> Iterator[str]:
    """What Allocate answered is the event of the same sku_sequence."""
    for key in run.asked.lines:
        answer = run.asked.answers.get(key)
        if answer is None:
            yield f"line {key} was not answered"
            continue
        event = run.events.by_sku.get(answer.sku, {}).get(answer.sku_sequence)
        if event is None:
            yield f"line {key} was answered with sku_sequence {answer.sku_sequence}, which no event has"
        elif type(event.message) not in STATES or (event.message.order_id, event.message.line_id) != key:
            yield f"line {key} was answered with the sku_sequence of another event, {_name(event.message)}"
        elif _story(event.message) != _listed_story(answer):
            yield f"line {key} was answered {_listed_story(answer)}, and announced as {_story(event.message)}"


def every_event_is_there_once(run: Run) -> Iterator[str]:
    """Every ce-id stands once in the stream."""
    for event_id, times in Counter(event.event_id for event in run.events.all).items():
        if times > 1 or not event_id:
            yield f"ce-id {event_id or '(none)'} is there {times} times"


def every_sku_counts_without_a_gap(run: Run) -> Iterator[str]:
    """The sku_sequence of each sku is 1, 2, 3 and so on, each once."""
    counts: dict[str, Counter[int]] = {sku: Counter() for sku in run.stock.shelves}
    for event in run.events.all:
        if not isinstance(event.message, events_pb2.Rejected):
            counts.setdefault(event.message.sku, Counter())[event.message.sku_sequence] += 1
    for sku, told in counts.items():
        highest = max(told, default=0)
        missing = [number for number in range(1, highest + 1) if number not in told]
        twice = sorted(number for number, times in told.items() if times > 1)
        if not told or missing or twice:
            yield f"sku {sku} counts to {highest}: missing {missing[:5]}, more than once {twice[:5]}"


def at_no_time_was_a_batch_over_its_quantity(run: Run) -> Iterator[str]:
    """In the order of sku_sequence the promises on a batch never exceed its latest quantity."""
    for told in run.events.by_sku.values():
        held: dict[str, int] = {}
        promised: Counter[str] = Counter()
        for number in sorted(told):
            message = told[number].message
            reference = getattr(message, "batch_reference", "")
            if isinstance(message, events_pb2.StockChanged):
                held[reference] = message.purchased_quantity
            elif isinstance(message, events_pb2.Allocated):
                promised[reference] += message.quantity
            elif isinstance(message, events_pb2.Deallocated):
                promised[reference] -= message.quantity
            if reference and promised[reference] > held.get(reference, 0):
                yield f"batch {reference} at {number} held {held.get(reference, 0)}, and {promised[reference]} were promised"


def nothing_was_rejected(run: Run) -> Iterator[str]:
    """Every adjustment named a batch that there is."""
    for rejected in run.events.rejected:
        yield f"{rejected.message_type} {rejected.message_id}: {rejected.detail}"


def damage_displaced_lines(run: Run) -> Iterator[str]:
    """Several days together show lines displaced and promised again; one day alone may not."""
    left, came_back = len(list(deallocated(run.events))), len(list(reallocated(run.events)))
    if run.days > 1 and not (left and came_back):
        yield (
            f"{run.days} days, {left} lines deallocated and {came_back} reallocated: this replay tries too little; "
            "replay more days, or change --coverage or --in-stock"
        )


CHECKS: tuple[Check, ...] = (
    no_batch_is_over_its_quantity,
    the_last_event_of_each_line_is_how_it_is_listed,
    every_answer_was_announced,
    every_event_is_there_once,
    every_sku_counts_without_a_gap,
    at_no_time_was_a_batch_over_its_quantity,
    nothing_was_rejected,
    damage_displaced_lines,
)


def _story(message: Any) -> tuple[str, str, int]:  # noqa: ANN401 - a key of STATES
    return LineState.Name(STATES[type(message)]), getattr(message, "batch_reference", ""), message.sku_sequence


def _listed_story(status: LineStatus) -> tuple[str, str, int]:
    return LineState.Name(status.state), status.batch_reference, status.sku_sequence


def _name(message: Any) -> str:  # noqa: ANN401 - any event
    return str(message.DESCRIPTOR.name)
