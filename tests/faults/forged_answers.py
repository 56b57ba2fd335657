"""Forgeries of what callers were told, or of what came of it, where all else is as it was."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from stock.allocation.v1.line_pb2 import LineState, LineStatus

from tests.faults.consistent_forgeries import events_of
from tests.faults.ledger import AskedBatch, AskedLine, AskedQuantity, Ledger, LineName
from tests.faults.problem import Kind

if TYPE_CHECKING:
    from tests.faults.evidence import Evidence
    from tests.faults.forgeries import Forgery


def _answered(ledger: Ledger, state: LineState) -> AskedLine:
    return next(line for line in ledger.lines if line.answers and line.answers[0].state == state)


def _answer_another_quantity_of_a_line(_: Evidence, ledger: Ledger) -> None:
    _answered(ledger, LineState.LINE_STATE_ALLOCATED).answers[0].quantity += 1


def _answer_another_day(_: Evidence, ledger: Ledger) -> None:
    _answered(ledger, LineState.LINE_STATE_ALLOCATED).answers[0].eta.FromSeconds(1)


def _answer_where_a_line_stood_before(evidence: Evidence, ledger: Ledger) -> None:
    """Answer with the first promise of a line after it was answered that the line has left its batch."""
    asked = {line.name: line for line in ledger.lines if line.answers and line.answers[0].batch_reference}
    line, left = next(
        (line, message)
        for _, message in events_of(evidence, "Deallocated")
        if (line := asked.get(LineName(message.order_id, message.line_id)))
        and line.answers[0].sku_sequence < message.sku_sequence
    )
    line.answers.insert(0, _backordered(left))
    line.calls += 1


def _answer_backordered_by_another_event(_: Evidence, ledger: Ledger) -> None:
    line = _answered(ledger, LineState.LINE_STATE_ALLOCATED)
    line.answers[0] = _backordered(line.answers[0])


def _backordered(message: Any) -> LineStatus:  # noqa: ANN401 - an event about a line, or another answer
    return LineStatus(
        order_id=message.order_id,
        line_id=message.line_id,
        sku=message.sku,
        quantity=message.quantity,
        state=LineState.LINE_STATE_BACKORDERED,
        sku_sequence=message.sku_sequence,
    )


def _replace_what_was_promised(_: Evidence, ledger: Ledger) -> None:
    """Have another quantity asked for by name, as if the service had overwritten the line: the first answer was not kept."""
    line = _answered(ledger, LineState.LINE_STATE_ALLOCATED)
    line.request.quantity += 1
    for answer in line.answers:
        answer.quantity += 1
    again = AskedLine(type(line.request)(), calls=1)
    again.request.CopyFrom(line.request)
    again.request.quantity -= 1
    ledger.lines.append(again)


def _keep_what_was_rejected(evidence: Evidence, ledger: Ledger) -> None:
    rejected = (line for line in ledger.lines if line.rejections and not line.answers and line.calls == line.told)
    orders = [message.message for message in ledger.published if message.subject == "order.placed"]
    placed = {LineName(order.order_id, line.line_id or line.sku) for order in orders for line in order.lines}
    line = next(line for line in rejected if line.name not in placed)
    evidence.tables["order_lines"].append(
        {
            "order_id": line.name.order_id,
            "line_id": line.name.line_id,
            "sku": line.request.sku,
            "quantity": line.request.quantity,
            "promise_number": 0,
            "state": "backordered",
            "batch_reference": None,
            "sku_sequence": 0,
        }
    )


def _refuse_a_line_that_is_kept(_: Evidence, ledger: Ledger) -> None:
    asked = Counter(line.name for line in ledger.lines)
    line = next(line for line in ledger.lines if line.answers and line.answers[0].batch_reference and asked[line.name] == 1)
    _refuse(line)


def _refuse_a_batch_that_is_there(_: Evidence, ledger: Ledger) -> None:
    _refuse(ledger.batches[0])


def _refuse_a_change_that_was_made(evidence: Evidence, ledger: Ledger) -> None:
    made = {event["correlation_id"] for event, _ in events_of(evidence, "StockChanged")}
    _refuse(next(asked for asked in ledger.quantities if asked.correlation_ids & made))


def _refuse(asked: AskedLine | AskedBatch | AskedQuantity) -> None:
    asked.answers.clear()
    for call in range(1, asked.calls + 1):
        asked.refused.add(call)


def _answer_another_batch(_: Evidence, ledger: Ledger) -> None:
    ledger.batches[0].answers[0].sku = "MISBEGOTTEN-RUG"


def _answer_more_lines_than_went_elsewhere(_: Evidence, ledger: Ledger) -> None:
    next(asked for asked in ledger.quantities if asked.answers).answers[0].reallocated_lines = 100


def _answer_about_another_batch(_: Evidence, ledger: Ledger) -> None:
    next(asked for asked in ledger.quantities if asked.answers).answers[0].batch.batch_reference = "small-table-0"


FORGED_ANSWERS: list[Forgery] = [
    (_answer_another_quantity_of_a_line, Kind.WRONG, "was answered about another line"),
    (_answer_another_day, Kind.WRONG, "its batch has another eta"),
    (_answer_where_a_line_stood_before, Kind.OUT_OF_ORDER, "one after the other"),
    (_answer_backordered_by_another_event, Kind.LOST, "and the log does not say so"),
    (_replace_what_was_promised, Kind.LOST, "was promised and is kept as"),
    (_keep_what_was_rejected, Kind.WRONG, "asked for was"),
    (_refuse_a_line_that_is_kept, Kind.WRONG, "asked for was None"),
    (_refuse_a_batch_that_is_there, Kind.WRONG, "and every call that was to create it was refused"),
    (_refuse_a_change_that_was_made, Kind.WRONG, "which asked for None"),
    (_answer_another_batch, Kind.WRONG, "was answered about another one"),
    (_answer_more_lines_than_went_elsewhere, Kind.WRONG, "100 lines were Allocated by call"),
    (_answer_about_another_batch, Kind.WRONG, "was answered about small-table-0"),
]
