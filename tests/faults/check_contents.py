"""Checks what each event says against the row that it is in, the contract, and the lines and batches that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stock.allocation.v1 import options_pb2
from stock.allocation.v1.errors_pb2 import RejectionReason
from stock.allocation.v1.events_pb2 import DeallocationReason

from tests.faults.problem import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Evidence, Row


def check_contents(evidence: Evidence) -> Iterator[Problem]:
    """An event says of itself what its row says, and of its line and its batch what these are."""
    lines = {(line["order_id"], line["line_id"]): (line["sku"], line["quantity"]) for line in evidence.tables["order_lines"]}
    batches = {batch["reference"]: (batch["sku"], batch["eta"]) for batch in evidence.tables["batches"]}
    for event, message in evidence.decoded():
        kind = event["type"].rpartition(".")[2]
        shown = f"event {event['position']}, {kind} {event['sku']} {event['sku_sequence']},"
        if event["subject"] != _subject(message):
            yield Problem(Kind.WRONG, f"{shown} has subject {event['subject']}, the contract says {_subject(message)}")
        if kind == "Rejected":
            yield from _check_rejection(shown, message)
            continue
        if (message.sku, message.sku_sequence) != (event["sku"], event["sku_sequence"]):
            yield Problem(Kind.WRONG, f"{shown} says that it is {message.sku} {message.sku_sequence}")
        if kind == "StockChanged":
            yield from _check_batch(shown, message, batches)
            continue
        kept = lines.get((message.order_id, message.line_id))
        if kind != "OutOfStock" and kept not in (None, (message.sku, message.quantity)):
            yield Problem(Kind.WRONG, f"{shown} is about {message.quantity} x {message.sku}, kept is {kept}")
        if kind == "Allocated":
            yield from _check_batch(shown, message, batches)
        if kind == "Deallocated" and message.reason != DeallocationReason.DEALLOCATION_REASON_BATCH_SHRANK:
            yield Problem(Kind.WRONG, f"{shown} gives reason {message.reason}")


def _check_batch(shown: str, message: Any, batches: dict[str, tuple[Any, ...]]) -> Iterator[Problem]:  # noqa: ANN401 - one of several generated classes
    eta = message.eta.ToMicroseconds() if message.HasField("eta") else None
    batch = batches.get(message.batch_reference)
    if batch != (message.sku, eta):
        yield Problem(Kind.WRONG, f"{shown} says that batch {message.batch_reference} is {(message.sku, eta)}, it is {batch}")


def _check_rejection(shown: str, message: Any) -> Iterator[Problem]:  # noqa: ANN401 - a generated class
    wanted = "BATCH_CONFLICT" if message.batch_reference else "LINE_CONFLICT"
    if message.reason != RejectionReason.Value(f"REJECTION_REASON_{wanted}"):
        yield Problem(Kind.WRONG, f"{shown} gives reason {message.reason}, it had to be {wanted}")


def _subject(message: Any) -> str:  # noqa: ANN401 - one of several generated classes
    subject: str = message.DESCRIPTOR.GetOptions().Extensions[options_pb2.event].subject
    return subject


def envelope_differs(event: Row, headers: dict[str, str]) -> bool:
    """Whether the envelope of a published event says something else than its row."""
    said = {name: headers.get(name, "") for name in ("ce-correlationid", "ce-causationid")}
    return said != {"ce-correlationid": event["correlation_id"], "ce-causationid": event["causation_id"]}
