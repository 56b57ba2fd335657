"""Checks what callers were told of batches, and what was rejected: every answer true, every rejection justified."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from stock.allocation.v1.errors_pb2 import RejectionReason

from tests.faults.ledger import LineName
from tests.faults.problem import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stock.allocation.v1.allocation_service_pb2 import AllocateRequest, CreateBatchRequest
    from stock.allocation.v1.batch_pb2 import Batch

    from tests.faults.evidence import Evidence, Row
    from tests.faults.ledger import AskedLine, AskedQuantity, Ledger, Rejected


class Stock(NamedTuple):
    """What a batch was said to hold by one StockChanged, and what began that."""

    quantity: int
    correlation_id: str


def check_created(evidence: Evidence, ledger: Ledger) -> Iterator[Problem]:
    """Every batch whose creation was answered is there as it was asked for, and every batch was announced once as created."""
    batches = {batch["reference"]: batch for batch in evidence.tables["batches"]}
    stocks = _stocks(evidence)
    for asked in ledger.batches:
        reference, batch = asked.request.batch_reference, batches.get(asked.request.batch_reference)
        if asked.answers and batch is None:
            yield Problem(Kind.LOST, f"the creation of batch {reference} was answered, and it is not there")
        elif asked.answers and batch is not None and _created_as(batch) != _content(asked.request):
            sentence = f"was answered as created with {_content(asked.request)}, and was created with {_created_as(batch)}"
            yield Problem(Kind.LOST, f"batch {reference} {sentence}")
        for answer in asked.answers:
            if _content_of(answer) != (reference, *_content(asked.request)[::2]):
                yield Problem(Kind.WRONG, f"the creation of batch {reference} was answered about another one: {answer}")
            if not any(stock.quantity == answer.purchased_quantity for stock in stocks[reference]):
                sentence = f"was answered to hold {answer.purchased_quantity}, which the log never says"
                yield Problem(Kind.WRONG, f"batch {reference} {sentence}")
    for reference, batch in batches.items():
        first = stocks[reference][0].quantity if stocks[reference] else None
        if first != batch["created_quantity"]:
            sentence = f"was created with {batch['created_quantity']}, and was first announced with {first}"
            yield Problem(Kind.WRONG, f"batch {reference} {sentence}")


def check_refused(evidence: Evidence, ledger: Ledger) -> Iterator[Problem]:
    """No batch is there that was asked for by calls alone each of which was refused."""
    stored = [message for message in evidence.inbound if message.is_decodable]
    named = {message.message.batch_reference for message in stored if message.subject == "batch.created"}
    named |= {message.message.batch_reference for message in ledger.published if message.subject == "batch.created"}
    named |= {asked.request.batch_reference for asked in ledger.batches if asked.may_be_in_effect}
    refused = {asked.request.batch_reference for asked in ledger.batches} - named
    for batch in evidence.tables["batches"]:
        if batch["reference"] in refused:
            sentence = f"batch {batch['reference']} is there, and every call that was to create it was refused"
            yield Problem(Kind.WRONG, sentence)


def check_quantities(evidence: Evidence, ledger: Ledger) -> Iterator[Problem]:
    """Where one caller alone changes a batch: each answered change was in effect, in his order, and each call at most once."""
    stocks = _stocks(evidence)
    followed = Counter((event["type"].rpartition(".")[2], event["correlation_id"]) for event in evidence.public_events)
    changes: dict[str, list[AskedQuantity]] = defaultdict(list)
    for asked in ledger.quantities:
        changes[asked.request.batch_reference].append(asked)
    for reference, asked_for in changes.items():
        yield from _check_history(reference, stocks[reference], asked_for)
        for answer in (answer for asked in asked_for for answer in asked.answers):
            counts = {
                "Deallocated": answer.deallocated_lines,
                "Allocated": answer.reallocated_lines,
                "Backordered": answer.backordered_lines,
            }
            for kind, count in counts.items():
                if count > (logged := followed[kind, answer.correlation_id]):
                    sentence = f"{count} lines were {kind} by call {answer.correlation_id} for batch {reference}"
                    yield Problem(Kind.WRONG, f"{sentence} as it was answered, {logged} as was logged")
            if answer.batch.batch_reference != reference:
                sentence = f"the change of batch {reference} was answered about {answer.batch.batch_reference}"
                yield Problem(Kind.WRONG, sentence)


def _check_history(reference: str, stocks: Sequence[Stock], asked_for: Sequence[AskedQuantity]) -> Iterator[Problem]:
    wanted = {identity: asked.request.quantity for asked in asked_for for identity in asked.correlation_ids}
    for number, stock in enumerate(stocks[1:], 1):
        if wanted.get(stock.correlation_id) != stock.quantity:
            sentence = f"batch {reference} was set to {stock.quantity} by {stock.correlation_id}"
            yield Problem(Kind.WRONG, f"{sentence}, which asked for {wanted.get(stock.correlation_id)}")
        if stock.correlation_id in {earlier.correlation_id for earlier in stocks[1:number]}:
            yield Problem(Kind.DOUBLED, f"batch {reference} was set twice by call {stock.correlation_id}")
    reached = 0
    for asked in asked_for:
        for answer in asked.answers:
            found = _place_of(asked.request.quantity, answer.correlation_id, stocks, reached)
            if answer.batch.purchased_quantity != asked.request.quantity or found is None:
                sentence = f"batch {reference} was answered to be set to {asked.request.quantity} by {answer.correlation_id}"
                yield Problem(Kind.LOST, f"{sentence}, and after number {reached} of its history it never was")
            else:
                reached = found


def _place_of(quantity: int, correlation_id: str, stocks: Sequence[Stock], reached: int) -> int | None:
    """Find where in its history a batch was so: by this call, or without it, when it changed nothing; None: never since."""
    by_call = [place for place, stock in enumerate(stocks) if stock.correlation_id == correlation_id]
    if by_call:
        return by_call[0] if by_call[0] >= reached else None
    return next((place for place, stock in enumerate(stocks) if place >= reached and stock.quantity == quantity), None)


def check_rejections(evidence: Evidence, ledger: Ledger) -> Iterator[Problem]:
    """Every rejection was justified, and what had to be rejected was not answered otherwise."""
    kept = {
        LineName(line["order_id"], line["line_id"]): (line["sku"], line["quantity"]) for line in evidence.tables["order_lines"]
    }
    batches = {batch["reference"]: batch for batch in evidence.tables["batches"]}
    skus = {batch["sku"] for batch in batches.values()}
    for line in ledger.lines:
        justified = _line_rejections(line.request, kept.get(line.name), skus)
        yield from _unjustified(_shown(line), line.rejections, justified)
        if line.answers and ("MALFORMED" in justified or "UNKNOWN_SKU" in justified):
            yield Problem(Kind.WRONG, f"{_shown(line)} had to be rejected ({', '.join(sorted(justified))}) and was answered")
    for asked in ledger.batches:
        batch = batches.get(asked.request.batch_reference)
        differs = batch is not None and _created_as(batch) != _content(asked.request)
        shown = f"the creation of batch {asked.request.batch_reference}"
        yield from _unjustified(shown, asked.rejections, {"BATCH_CONFLICT"} if differs else set())
    for change in ledger.quantities:
        reference = change.request.batch_reference
        shown = f"the change of batch {reference} to {change.request.quantity}"
        yield from _unjustified(shown, change.rejections, set() if reference in batches else {"UNKNOWN_BATCH"})


def _line_rejections(request: AllocateRequest, kept: tuple[str, int] | None, skus: set[str]) -> set[str]:
    if request.quantity < 1:
        return {"MALFORMED"}
    justified = set() if request.sku in skus else {"UNKNOWN_SKU"}
    return justified | ({"LINE_CONFLICT"} if kept not in (None, (request.sku, request.quantity)) else set())


def _unjustified(shown: str, rejections: Sequence[Rejected], justified: set[str]) -> Iterator[Problem]:
    names = {f"REJECTION_REASON_{name}" for name in justified}
    assert names <= set(RejectionReason.keys())
    for rejection in rejections:
        if rejection.reason not in names:
            sentence = (
                f"was rejected as {rejection.reason or rejection.code}, justified was {', '.join(sorted(names)) or 'nothing'}"
            )
            yield Problem(Kind.WRONG, f"{shown} {sentence}")


def _stocks(evidence: Evidence) -> dict[str, list[Stock]]:
    """Answer the history of every batch, as the log tells it."""
    stocks: dict[str, list[Stock]] = defaultdict(list)
    for event, message in evidence.decoded():
        if event["type"].endswith(".StockChanged"):
            stocks[message.batch_reference].append(Stock(message.purchased_quantity, event["correlation_id"]))
    return stocks


def _content(request: CreateBatchRequest) -> tuple[Any, ...]:
    eta = request.eta.ToMicroseconds() if request.HasField("eta") else None
    return request.sku, request.purchased_quantity, eta


def _content_of(batch: Batch) -> tuple[Any, ...]:
    return batch.batch_reference, batch.sku, batch.eta.ToMicroseconds() if batch.HasField("eta") else None


def _created_as(batch: Row) -> tuple[Any, ...]:
    return batch["sku"], batch["created_quantity"], batch["eta"]


def _shown(line: AskedLine) -> str:
    return f"the call for {line.name.order_id} {line.name.line_id}"
