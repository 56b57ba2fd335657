"""Forgeries of the records of a good run: each changes one thing, of which the checker has to complain in these words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.faults.evidence import Evidence, Row, Stored
from tests.faults.ledger import AskedLine, AskedQuantity, Ledger, LineName, Rejected
from tests.faults.problem import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

Forgery = tuple["Callable[[Evidence, Ledger], None]", Kind, str]


def _last(evidence: Evidence, kind: str) -> Row:
    return [event for event in evidence.tables["events"] if event["type"].endswith(kind)][-1]


def _promised(evidence: Evidence) -> Row:
    return next(batch for batch in evidence.tables["batches"] if batch["allocated_quantity"] > 0)


def _promised_line(ledger: Ledger) -> AskedLine:
    return next(line for line in ledger.lines if line.answers and line.answers[0].batch_reference)


def _batch(evidence: Evidence, reference: str) -> Row:
    return next(batch for batch in evidence.tables["batches"] if batch["reference"] == reference)


def _managed(ledger: Ledger) -> list[str]:
    return [asked.request.batch_reference for asked in ledger.batches if asked.request.batch_reference.startswith("managed")]


def _change(ledger: Ledger, after: AskedQuantity | None = None) -> AskedQuantity:
    """Find a change to a quantity that its batch was never set to before or after; `after` another one of its batch."""
    changes = [asked for asked in ledger.quantities if asked.answers]
    wanted = Counter((asked.request.batch_reference, asked.request.quantity) for asked in changes)
    created = {(asked.request.batch_reference, asked.request.purchased_quantity) for asked in ledger.batches}
    found = [
        asked
        for asked in changes
        if wanted[key := (asked.request.batch_reference, asked.request.quantity)] == 1 and key not in created
    ]
    if after is not None:
        return next(
            asked for asked in found[found.index(after) + 1 :] if asked.request.batch_reference == after.request.batch_reference
        )
    return next(
        asked
        for number, asked in enumerate(found)
        if any(other.request.batch_reference == asked.request.batch_reference for other in found[number + 1 :])
    )


def _stock_changed(evidence: Evidence, change: AskedQuantity) -> Row:
    return next(
        event
        for event in evidence.public_events
        if event["type"].endswith(".StockChanged") and event["correlation_id"] in change.correlation_ids
    )


def _lose_an_event(evidence: Evidence, _: Ledger) -> None:
    evidence.outgoing.pop()


def _publish_an_event_twice(evidence: Evidence, _: Ledger) -> None:
    evidence.outgoing.append(evidence.outgoing[-1])


def _publish_back_to_front(evidence: Evidence, _: Ledger) -> None:
    evidence.outgoing.reverse()


def _alter_an_event(evidence: Evidence, _: Ledger) -> None:
    evidence.outgoing[0] = evidence.outgoing[0]._replace(payload=evidence.outgoing[1].payload)


def _write_to_the_event_stream(evidence: Evidence, _: Ledger) -> None:
    evidence.outgoing.append(Stored(10_000, "allocation.allocated", {"ce-id": "graffiti"}, b""))


def _log_an_event_twice(evidence: Evidence, _: Ledger) -> None:
    """Log the last event of a line again."""
    stands = {line["sku_sequence"] for line in evidence.tables["order_lines"] if line["sku"] == "SMALL-TABLE"}
    events = [event for event in evidence.tables["events"] if event["sku"] == "SMALL-TABLE" and event["sku_sequence"] in stands]
    found = next(event for event in reversed(events) if event["type"].endswith(".Allocated"))
    evidence.tables["events"].append(found | {"event_id": "again", "position": 10_000})


def _tear_an_event_out_of_the_log(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["events"].remove(_last(evidence, ".Allocated"))


def _tear_a_rejection_out_of_the_log(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["events"].remove(_last(evidence, ".Rejected"))


def _leave_an_outbox_row(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["outbox"].append({"position": 1})


def _leave_a_command(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["internal_commands"].append({"sku": "SMALL-TABLE"})


def _miscount_a_batch(evidence: Evidence, _: Ledger) -> None:
    _promised(evidence)["allocated_quantity"] += 1


def _oversell_a_batch(evidence: Evidence, _: Ledger) -> None:
    _promised(evidence)["purchased_quantity"] = 0


def _find_stock(evidence: Evidence, _: Ledger) -> None:
    waiting = {line["sku"] for line in evidence.tables["order_lines"] if line["batch_reference"] is None}
    for batch in evidence.tables["batches"]:
        if batch["sku"] in waiting:
            batch["purchased_quantity"] += 100


def _miscount_the_waiting(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["products"][0]["waiting_lines"] += 1


def _forget_a_displaced_line(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["order_lines"][0]["state"] = "displaced"


def _drop_a_line(evidence: Evidence, ledger: Ledger) -> None:
    promised = {line.name for line in ledger.lines if line.answers}
    lines = evidence.tables["order_lines"]
    lines.remove(next(line for line in lines if LineName(line["order_id"], line["line_id"]) in promised))


def _keep_more_than_was_asked_for(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["order_lines"][0]["quantity"] += 100


def _forget_a_message(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["inbox"].pop()


def _apply_an_older_quantity(evidence: Evidence, _: Ledger) -> None:
    changed = next(message for message in evidence.inbound if message.subject == "batch.quantity.changed")
    reference = changed.message.batch_reference
    next(batch for batch in evidence.tables["batches"] if batch["reference"] == reference)["target_quantity"] += 1


def _lose_a_message(evidence: Evidence, _: Ledger) -> None:
    evidence.inbound.pop()


def _answer_what_is_not_so(_: Evidence, ledger: Ledger) -> None:
    _promised_line(ledger).answers[0].sku_sequence += 1


def _answer_nobody(_: Evidence, ledger: Ledger) -> None:
    asked = Counter(line.name for line in ledger.lines)
    once = (line for line in ledger.lines if line.calls == asked[line.name] == 1)
    line = next(line for line in once if line.answers and not line.answers[0].batch_reference)
    line.answers.clear()
    line.rejections.append(Rejected("", ""))


def _miscount_the_batches(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["products"][0]["batch_count"] += 1


def _forget_a_created_batch(evidence: Evidence, ledger: Ledger) -> None:
    evidence.tables["batches"].remove(_batch(evidence, _managed(ledger)[0]))


def _create_a_batch_otherwise(evidence: Evidence, ledger: Ledger) -> None:
    _batch(evidence, _managed(ledger)[0])["eta"] = 1


def _announce_a_batch_otherwise(evidence: Evidence, ledger: Ledger) -> None:
    _batch(evidence, _managed(ledger)[0])["created_quantity"] += 1


def _answer_a_batch_that_never_was_so(_: Evidence, ledger: Ledger) -> None:
    ledger.batches[0].answers[0].purchased_quantity = 999


def _forget_a_change(evidence: Evidence, ledger: Ledger) -> None:
    evidence.tables["events"].remove(_stock_changed(evidence, _change(ledger)))


def _change_in_another_order(evidence: Evidence, ledger: Ledger) -> None:
    events, change = evidence.tables["events"], _change(ledger)
    later = _change(ledger, after=change)
    first, second = _stock_changed(evidence, change), _stock_changed(evidence, later)
    at, to = events.index(first), events.index(second)
    events[at], events[to] = second, first


def _answer_another_quantity(_: Evidence, ledger: Ledger) -> None:
    _change(ledger).answers[0].batch.purchased_quantity += 1


def _change_twice_by_one_call(evidence: Evidence, ledger: Ledger) -> None:
    event = _stock_changed(evidence, _change(ledger))
    evidence.tables["events"].append(event | {"event_id": "again", "position": 10_000})


def _change_what_nobody_asked_for(evidence: Evidence, ledger: Ledger) -> None:
    _stock_changed(evidence, _change(ledger))["correlation_id"] = "somebody"


def _answer_more_lines_than_left(_: Evidence, ledger: Ledger) -> None:
    _change(ledger).answers[0].deallocated_lines = 100


def _reject_a_good_line(_: Evidence, ledger: Ledger) -> None:
    line = _promised_line(ledger)
    line.rejections.append(Rejected("ALREADY_EXISTS", "REJECTION_REASON_LINE_CONFLICT"))


def _reject_a_good_batch(_: Evidence, ledger: Ledger) -> None:
    ledger.batches[0].rejections.append(Rejected("ALREADY_EXISTS", "REJECTION_REASON_BATCH_CONFLICT"))


def _reject_a_good_change(_: Evidence, ledger: Ledger) -> None:
    _change(ledger).rejections.append(Rejected("NOT_FOUND", "REJECTION_REASON_UNKNOWN_BATCH"))


def _reject_for_another_reason(_: Evidence, ledger: Ledger) -> None:
    line = next(line for line in ledger.lines if line.rejections)
    line.rejections = [Rejected("NOT_FOUND", "REJECTION_REASON_UNKNOWN_BATCH")]


def _answer_what_is_malformed(_: Evidence, ledger: Ledger) -> None:
    _promised_line(ledger).request.quantity = 0


def _answer_for_an_unknown_sku(_: Evidence, ledger: Ledger) -> None:
    _promised_line(ledger).request.sku = "UNHEARD-OF-CHAIR"


FORGERIES: list[Forgery] = [
    (_lose_an_event, Kind.LOST, "was never published"),
    (_publish_an_event_twice, Kind.DOUBLED, "is on the event stream 2 times"),
    (_publish_back_to_front, Kind.OUT_OF_ORDER, "is on the event stream after a later one"),
    (_alter_an_event, Kind.WRONG, "was published as something else"),
    (_write_to_the_event_stream, Kind.WRONG, "is none of the log's events"),
    (_log_an_event_twice, Kind.WRONG, "was Allocated after Allocated"),
    (_tear_an_event_out_of_the_log, Kind.WRONG, "its events are without"),
    (_tear_a_rejection_out_of_the_log, Kind.WRONG, "and was not rejected"),
    (_leave_an_outbox_row, Kind.STUCK, "outbox still holds 1 rows"),
    (_leave_a_command, Kind.STUCK, "internal_commands still holds 1 rows"),
    (_miscount_a_batch, Kind.WRONG, "are allocated, its lines say"),
    (_oversell_a_batch, Kind.OVERSOLD, "is oversold"),
    (_find_stock, Kind.STUCK, "has room for"),
    (_miscount_the_waiting, Kind.WRONG, "lines wait, and"),
    (_forget_a_displaced_line, Kind.LOST, "was displaced and left there"),
    (_drop_a_line, Kind.LOST, "was promised and is not kept"),
    (_keep_more_than_was_asked_for, Kind.WRONG, "asked for was"),
    (_forget_a_message, Kind.LOST, "is neither in the inbox nor parked"),
    (_apply_an_older_quantity, Kind.LOST, "was last said to hold"),
    (_lose_a_message, Kind.LOST, "was acknowledged by the broker and is gone"),
    (_answer_what_is_not_so, Kind.LOST, "and the log does not say so"),
    (_answer_nobody, Kind.WRONG, "was out of stock 1 times in 1 calls, 0 answered so, 0 not answered"),
    (_miscount_the_batches, Kind.WRONG, " batches, and "),
    (_forget_a_created_batch, Kind.LOST, "was answered, and it is not there"),
    (_create_a_batch_otherwise, Kind.LOST, "was answered as created with"),
    (_announce_a_batch_otherwise, Kind.WRONG, "and was first announced with"),
    (_answer_a_batch_that_never_was_so, Kind.WRONG, "to hold 999, which the log never says"),
    (_forget_a_change, Kind.LOST, "of its history it never was"),
    (_change_in_another_order, Kind.LOST, "of its history it never was"),
    (_answer_another_quantity, Kind.LOST, "of its history it never was"),
    (_change_twice_by_one_call, Kind.DOUBLED, "was set twice by call"),
    (_change_what_nobody_asked_for, Kind.WRONG, "by somebody, which asked for None"),
    (_answer_more_lines_than_left, Kind.WRONG, "100 lines were Deallocated by call"),
    (_reject_a_good_line, Kind.WRONG, "was rejected as REJECTION_REASON_LINE_CONFLICT, justified was nothing"),
    (_reject_a_good_batch, Kind.WRONG, "was rejected as REJECTION_REASON_BATCH_CONFLICT, justified was nothing"),
    (_reject_a_good_change, Kind.WRONG, "was rejected as REJECTION_REASON_UNKNOWN_BATCH, justified was nothing"),
    (_reject_for_another_reason, Kind.WRONG, "was rejected as REJECTION_REASON_UNKNOWN_BATCH, justified was"),
    (_answer_what_is_malformed, Kind.WRONG, "had to be rejected (MALFORMED) and was answered"),
    (_answer_for_an_unknown_sku, Kind.WRONG, "had to be rejected (UNKNOWN_SKU) and was answered"),
]
