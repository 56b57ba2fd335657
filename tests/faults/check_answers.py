"""Checks what callers were told about their lines against the log: every answer true, none older than the one before it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from stock.allocation.v1.line_pb2 import LineState

from tests.faults.ledger import LineName
from tests.faults.problem import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stock.allocation.v1.line_pb2 import LineStatus

    from tests.faults.evidence import Evidence
    from tests.faults.ledger import AskedLine, Ledger

_KINDS = {
    LineState.LINE_STATE_ALLOCATED: {"Allocated"},
    LineState.LINE_STATE_OUT_OF_STOCK: {"OutOfStock"},
    LineState.LINE_STATE_BACKORDERED: {"Backordered", "Deallocated"},
}
"""By which events a line may be answered to stand where it does. One that has left its batch, and was not tried elsewhere yet,
stands BACKORDERED under the number of its Deallocated.
"""


class Told(NamedTuple):
    """What an event about a line says of it."""

    kind: str
    name: LineName
    batch_reference: str


def check_answers(evidence: Evidence, ledger: Ledger) -> Iterator[Problem]:
    """An answered line is in effect as it was answered; calls that nobody answered are in effect at most once each."""
    told: dict[tuple[str, int], Told] = {}
    refused: Counter[LineName] = Counter()
    for event, message in evidence.decoded():
        kind = event["type"].rpartition(".")[2]
        if hasattr(message, "line_id") and hasattr(message, "sku_sequence"):
            name = LineName(message.order_id, message.line_id)
            batch = message.batch_reference if kind == "Allocated" else ""
            told[message.sku, message.sku_sequence] = Told(kind, name, batch)
            refused[name] += kind == "OutOfStock"
    asked: dict[LineName, list[AskedLine]] = defaultdict(list)
    for line in ledger.lines:
        asked[line.name].append(line)
        for answer in line.answers:
            found = told.get((answer.sku, answer.sku_sequence))
            kinds = _KINDS.get(answer.state, set())
            if found is None or found.kind not in kinds or found[1:] != (line.name, answer.batch_reference):
                state = LineState.Name(answer.state).removeprefix("LINE_STATE_")
                yield Problem(
                    Kind.LOST, f"{_shown(line)} was answered {state} {answer.sku_sequence}, and the log does not say so"
                )
    for name, lines in asked.items():
        answered = sum(answer.state == LineState.LINE_STATE_OUT_OF_STOCK for line in lines for answer in line.answers)
        silent = sum(line.silent for line in lines)
        if not answered <= refused[name] <= answered + silent:
            calls = sum(line.calls for line in lines)
            sentence = f"was out of stock {refused[name]} times in {calls} calls, {answered} answered so, {silent} not answered"
            yield Problem(Kind.WRONG, f"{_shown(lines[0])} {sentence}")


def check_contents(evidence: Evidence, ledger: Ledger) -> Iterator[Problem]:
    """An answer is about the line that was asked for, and names the day of its batch."""
    etas = {batch["reference"]: batch["eta"] for batch in evidence.tables["batches"]}
    for line in ledger.lines:
        wanted = (*line.name, line.request.sku, line.request.quantity)
        for answer in line.answers:
            if (answer.order_id, answer.line_id, answer.sku, answer.quantity) != wanted:
                yield Problem(Kind.WRONG, f"{_shown(line)} of {wanted} was answered about another line: {_oneline(answer)}")
            if _eta(answer) != etas.get(answer.batch_reference):
                yield Problem(Kind.WRONG, f"{_shown(line)} was answered {_oneline(answer)}, its batch has another eta")


def check_progress(ledger: Ledger) -> Iterator[Problem]:
    """Who asks for a line again hears where it stands now, never where it stood before."""
    for line in ledger.lines:
        numbers = [answer.sku_sequence for answer in line.answers]
        if numbers != sorted(numbers):
            yield Problem(Kind.OUT_OF_ORDER, f"{_shown(line)} was answered {numbers} one after the other")


def _eta(answer: LineStatus) -> int | None:
    return answer.eta.ToMicroseconds() if answer.HasField("eta") else None


def _oneline(message: Any) -> str:  # noqa: ANN401 - one of several generated classes
    return " ".join(str(message).split())


def _shown(line: AskedLine) -> str:
    return f"the call for {line.name.order_id} {line.name.line_id}"
