"""Forgeries in which log, stream and tables still agree with one another: what is wrong is what they agree on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stock.allocation.v1.errors_pb2 import RejectionReason

from tests.faults.check_rules import Shelf
from tests.faults.evidence import Evidence, Row, decode
from tests.faults.ledger import Asked, Ledger, LineName
from tests.faults.problem import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.forgeries import Forgery


def events_of(evidence: Evidence, kind: str) -> Iterator[tuple[Row, Any]]:
    """Find all events of a kind, each beside a message of its own that may be changed."""
    for event in evidence.public_events:
        if event["type"].endswith(f".{kind}"):
            yield event, decode(event)


def _rewrite(evidence: Evidence, event: Row, message: Any) -> None:  # noqa: ANN401 - one of several generated classes
    """Have an event say something else, in the log and on the stream."""
    event["payload"] = message.SerializeToString()
    _republish(evidence, event, payload=event["payload"])


def _republish(evidence: Evidence, event: Row, **changes: Any) -> None:  # noqa: ANN401 - fields of Stored
    place = next(number for number, stored in enumerate(evidence.outgoing) if stored.headers.get("ce-id") == event["event_id"])
    evidence.outgoing[place] = evidence.outgoing[place]._replace(**changes)


def _number_an_event_otherwise(evidence: Evidence, _: Ledger) -> None:
    event, message = next(events_of(evidence, "StockChanged"))
    message.sku_sequence += 1_000
    _rewrite(evidence, event, message)


def _announce_another_quantity(evidence: Evidence, _: Ledger) -> None:
    event, message = next(events_of(evidence, "Backordered"))
    message.quantity += 1
    _rewrite(evidence, event, message)


def _promise_for_another_day(evidence: Evidence, _: Ledger) -> None:
    event, message = next(events_of(evidence, "Allocated"))
    message.eta.FromSeconds(1)
    _rewrite(evidence, event, message)


def _announce_stock_for_another_day(evidence: Evidence, _: Ledger) -> None:
    event, message = next(events_of(evidence, "StockChanged"))
    message.eta.FromSeconds(1)
    _rewrite(evidence, event, message)


def _give_another_reason_for_a_rejection(evidence: Evidence, _: Ledger) -> None:
    event, message = next(events_of(evidence, "Rejected"))
    message.reason = RejectionReason.REJECTION_REASON_UNKNOWN_SKU
    _rewrite(evidence, event, message)


def _give_no_reason_for_a_displacement(evidence: Evidence, _: Ledger) -> None:
    event, message = next(events_of(evidence, "Deallocated"))
    message.ClearField("reason")
    _rewrite(evidence, event, message)


def _publish_under_another_subject(evidence: Evidence, _: Ledger) -> None:
    event, _message = next(events_of(evidence, "Allocated"))
    event["subject"] = "allocation.deallocated"
    _republish(evidence, event, subject=event["subject"])


def _publish_in_another_envelope(evidence: Evidence, _: Ledger) -> None:
    event, _message = next(events_of(evidence, "Allocated"))
    headers = evidence.outgoing[0].headers | {"ce-id": event["event_id"], "ce-type": event["type"]}
    _republish(evidence, event, headers=headers | {"ce-causationid": "somebody"})


def _forget_a_product(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["products"].pop()


def _swap_two_batches(evidence: Evidence, ledger: Ledger) -> None:
    """Have every line of one batch on the other, in all books: a tie that was not broken by reference."""
    one, other = "small-table-0", "small-table-2"

    names = {one: other, other: one}

    def swapped(payload: bytes) -> bytes:
        # Both are of one length: that is all that makes this a message again.
        return re.sub(b"small-table-[02]", lambda found: names[found[0].decode()].encode(), payload)

    for row in evidence.tables["batches"]:
        row["reference"] = names.get(row["reference"], row["reference"])
    for row in evidence.tables["order_lines"]:
        row["batch_reference"] = names.get(row["batch_reference"], row["batch_reference"])
    for event in evidence.public_events:
        event["payload"] = swapped(event["payload"])
    for stream in (evidence.inbound, evidence.outgoing):
        stream[:] = [stored._replace(payload=swapped(stored.payload)) for stored in stream]
    everything: list[Asked[Any, Any]] = [*ledger.lines, *ledger.batches]
    for asked in everything:
        for message in (asked.request, *asked.answers):
            message.ParseFromString(swapped(message.SerializeToString()))
    for published in ledger.published:
        published.message.ParseFromString(swapped(published.message.SerializeToString()))


def _serve_the_last_first(evidence: Evidence, _: Ledger) -> None:
    """Give the queue the opposite order: who left a batch first, or was served first, was first promised."""
    given = {product["sku"]: product["promise_number"] for product in evidence.tables["products"]}
    for line in evidence.tables["order_lines"]:
        line["promise_number"] = given[line["sku"]] + 1 - line["promise_number"]


def _promise_two_lines_alike(evidence: Evidence, _: Ledger) -> None:
    first, *others = evidence.tables["order_lines"]
    next(line for line in others if line["sku"] == first["sku"])["promise_number"] = first["promise_number"]


def _refuse_although_there_is_room(evidence: Evidence, ledger: Ledger) -> None:
    """Make a line that was refused so small that it would have fitted."""
    shelves: dict[str, Shelf] = {}
    asked = {line.name: line for line in ledger.lines if line.calls == 1 and line.answers}
    for event, message in evidence.decoded():
        kind, shelf = event["type"].rpartition(".")[2], shelves.setdefault(event["sku"], Shelf())
        if kind == "StockChanged":
            shelf.stock(message)
        elif kind in ("Allocated", "Deallocated"):
            change = shelf.promise if kind == "Allocated" else shelf.displace
            change(message.batch_reference, message.quantity, 0)
        elif kind == "OutOfStock" and shelf.largest_room:
            line = asked.get(LineName(message.order_id, message.line_id))
            if line is not None:
                line.request.quantity = line.answers[0].quantity = 1
                smaller = decode(event)
                smaller.quantity = 1
                _rewrite(evidence, event, smaller)
                return
    raise LookupError("no line was refused while there was any room")


CONSISTENT_FORGERIES: list[Forgery] = [
    (_number_an_event_otherwise, Kind.WRONG, "says that it is"),
    (_announce_another_quantity, Kind.WRONG, ", kept is"),
    (_promise_for_another_day, Kind.WRONG, "says that batch"),
    (_announce_stock_for_another_day, Kind.WRONG, "says that batch"),
    (_give_another_reason_for_a_rejection, Kind.WRONG, "it had to be"),
    (_give_no_reason_for_a_displacement, Kind.WRONG, "gives reason 0"),
    (_publish_under_another_subject, Kind.WRONG, "the contract says allocation.allocated"),
    (_publish_in_another_envelope, Kind.WRONG, "was published in another envelope"),
    (_forget_a_product, Kind.LOST, "events and is no product"),
    (_swap_two_batches, Kind.OUT_OF_ORDER, "comes first and has room"),
    (_serve_the_last_first, Kind.OUT_OF_ORDER, "which was promised after it"),
    (_serve_the_last_first, Kind.OUT_OF_ORDER, "waits, fits and comes before it"),
    (_promise_two_lines_alike, Kind.DOUBLED, "has two lines of promise number"),
    (_refuse_although_there_is_room, Kind.WRONG, "had room for"),
]
