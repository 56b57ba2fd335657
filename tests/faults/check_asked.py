"""Checks what was asked against what is so: every answer true, every message in effect once, nothing nobody asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from stock.allocation.v1.line_pb2 import LineState

from tests.faults.evidence import INBOUND, Evidence, Stored
from tests.faults.ledger import LineName, Published
from tests.faults.problem import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.faults.ledger import AskedLine, Ledger

Content = tuple[str, int]
Conflict = tuple[str, str, object]
_WITHOUT_EFFECT = {None, "discarded", "superseded"}
"""How a message that was parked may have ended, or not yet, so that it has changed nothing."""


def check_kept(evidence: Evidence, ledger: Ledger) -> Iterator[Problem]:
    """Every kept line was asked for with this content, and every line whose promise was answered is kept."""
    wanted = _lines_placed([*_in_effect(evidence), *ledger.published])
    for line in ledger.lines:
        if line.may_be_in_effect:
            wanted[line.name].append((line.request.sku, line.request.quantity))
    kept = {
        LineName(line["order_id"], line["line_id"]): (line["sku"], line["quantity"]) for line in evidence.tables["order_lines"]
    }
    for name, content in kept.items():
        if content not in wanted.get(name, []):
            yield Problem(
                Kind.WRONG, f"line {name.order_id} {name.line_id} is kept as {content}, asked for was {wanted.get(name)}"
            )
    yield from _check_promised(kept, ledger)
    for name in _lines_placed(_in_effect(evidence)):
        if name not in kept:
            yield Problem(Kind.LOST, f"line {name.order_id} {name.line_id} was placed and is not kept")


def _check_promised(kept: dict[LineName, Content], ledger: Ledger) -> Iterator[Problem]:
    for line in ledger.lines:
        if all(answer.state == LineState.LINE_STATE_OUT_OF_STOCK for answer in line.answers):
            continue
        if line.name not in kept:
            yield Problem(Kind.LOST, f"{_shown(line)} was promised and is not kept")
        elif kept[line.name] != (line.request.sku, line.request.quantity):
            yield Problem(Kind.LOST, f"{_shown(line)} was promised and is kept as {kept[line.name]}")


def check_consumed(evidence: Evidence, ledger: Ledger, purged_through: int, *, is_whole: bool) -> Iterator[Problem]:
    """Every message is in the inbox or parked, and the stream, if it is whole, has every one that was acknowledged.

    That holds for what cannot be understood as well: it is parked, or it is lost.
    """
    consumed = {(row["source"], row["message_id"]) for row in evidence.tables["inbox"]}
    parked = _parked(evidence)
    for message in evidence.inbound:
        if evidence.inbox_key(message) not in consumed and message.sequence not in parked:
            yield Problem(Kind.LOST, f"{message.subject} {message.sequence} is neither in the inbox nor parked")
    if is_whole:
        stored = {(message.sequence, message.payload) for message in evidence.inbound}
        for published in ledger.published:
            is_stored = (published.sequence, published.message.SerializeToString()) in stored
            if published.sequence > purged_through and not is_stored:
                yield Problem(Kind.LOST, f"{published.subject} {published.sequence} was acknowledged by the broker and is gone")


def check_batches(evidence: Evidence) -> Iterator[Problem]:
    """Every batch announced is there, and holds what was last said of it, in the order of the stream."""
    holds = {batch["reference"]: batch["target_quantity"] for batch in evidence.tables["batches"]}
    last: dict[str, int] = {}
    for message in _in_effect(evidence):
        if message.subject == "batch.created" and message.message.batch_reference not in holds:
            yield Problem(Kind.LOST, f"batch {message.message.batch_reference} was created and is not there")
        if message.subject == "batch.quantity.changed":
            last[message.message.batch_reference] = message.message.quantity
    for reference, quantity in last.items():
        if holds.get(reference) != quantity:
            yield Problem(Kind.LOST, f"batch {reference} was last said to hold {quantity}, and holds {holds.get(reference)}")


def check_quantities(evidence: Evidence, ledger: Ledger) -> Iterator[Problem]:
    """What messages alone set a batch to, they set it to in the order of their stream: never back to an older quantity.

    Skus whose lines were moved in several transactions are left out: a batch that shrinks slowly is announced at every step.
    """
    slow = {event["sku"] for event in evidence.tables["events"] if event["type"].endswith(".PromisingUnfinished")}
    by_calls = {asked.request.batch_reference for asked in ledger.quantities}
    aside = _parked(evidence, in_effect=False)
    said: dict[str, list[int]] = defaultdict(list)
    for message in evidence.inbound:
        if message.subject == "batch.quantity.changed" and message.sequence not in aside and message.is_decodable:
            said[message.message.batch_reference].append(message.message.quantity)
    announced: dict[str, list[int]] = defaultdict(list)
    for event, message in evidence.decoded():
        if event["type"].endswith(".StockChanged") and event["sku"] not in slow:
            announced[message.batch_reference].append(message.purchased_quantity)
    for reference in announced.keys() - by_calls:
        later = iter(said[reference])
        for quantity in announced[reference][1:]:
            if quantity not in later:  # Looks on from where the one before was found.
                sentence = f"was set to {announced[reference][1:]} one after the other, its messages say {said[reference]}"
                yield Problem(Kind.OUT_OF_ORDER, f"batch {reference} {sentence}")
                break


def check_conflicts(evidence: Evidence, ledger: Ledger, purged_through: int, *, is_whole: bool) -> Iterator[Problem]:
    """Of messages that contradict each other all but one content is rejected, once for each message; nothing else is."""
    rejected = Counter(
        (message.message_source, message.message_id, message.batch_reference or (message.order_id, message.line_id))
        for event, message in evidence.decoded()
        if event["type"].endswith(".Rejected")
    )
    kept: dict[object, tuple[object, ...]] = {
        (line["order_id"], line["line_id"]): (line["sku"], line["quantity"]) for line in evidence.tables["order_lines"]
    }
    kept |= {
        batch["reference"]: (batch["sku"], batch["created_quantity"], batch["eta"]) for batch in evidence.tables["batches"]
    }
    purged = [message for message in _stored(ledger) if message.sequence <= purged_through]

    def contradicting(messages: Iterable[Stored]) -> set[Conflict]:
        return {
            (*evidence.inbox_key(message), name)
            for message in messages
            for name, content in _contents(message)
            if name in kept and content != kept[name]
        }

    expected = contradicting(_in_effect(evidence))
    for source, identity, name in sorted(expected - rejected.keys(), key=str):
        yield Problem(Kind.WRONG, f"message {identity} of {source} contradicts {name} and was not rejected")
    if is_whole:
        for source, identity, name in sorted(rejected.keys() - expected - contradicting(purged), key=str):
            # One whose acknowledgement was lost, and that was purged, is known to nobody any more.
            if not (source.startswith(INBOUND) and int(identity) <= purged_through):
                yield Problem(Kind.WRONG, f"message {identity} of {source} was rejected about {name} and contradicts nothing")


def _stored(ledger: Ledger) -> Iterator[Stored]:
    for published in ledger.published:
        yield Stored(published.sequence, published.subject, published.headers, published.message.SerializeToString())


def _contents(message: Stored) -> Iterator[tuple[object, tuple[object, ...]]]:
    if message.subject == "batch.created":
        created = message.message
        eta = created.eta.ToMicroseconds() if created.HasField("eta") else None
        yield created.batch_reference, (created.sku, created.purchased_quantity, eta)
    for name, contents in _lines_placed([message]).items():
        for content in contents:
            yield tuple(name), content


def _lines_placed(messages: Sequence[Stored | Published]) -> dict[LineName, list[Content]]:
    placed: dict[LineName, list[Content]] = defaultdict(list)
    for message in messages:
        if message.subject == "order.placed":
            for line in message.message.lines:
                placed[LineName(message.message.order_id, line.line_id or line.sku)].append((line.sku, line.quantity))
    return placed


def _in_effect(evidence: Evidence) -> list[Stored]:
    """Answer what the stream holds, without what was set aside and what is the same as something before it."""
    aside = _parked(evidence, in_effect=False)
    first: dict[tuple[str, str], Stored] = {}
    for message in evidence.inbound:
        if message.sequence not in aside and message.is_decodable:
            first.setdefault(evidence.inbox_key(message), message)
    return list(first.values())


def _parked(evidence: Evidence, *, in_effect: bool = True) -> set[int]:
    """Answer what was parked in this life of the stream, with or without what was replayed and took effect after all."""
    return {
        row["sequence"]
        for row in evidence.tables["parked_messages"]
        if (row["stream"], row["incarnation"]) == (INBOUND, evidence.incarnation)
        and (in_effect or row["ending"] in _WITHOUT_EFFECT)
    }


def _shown(line: AskedLine) -> str:
    return f"the call for {line.name.order_id} {line.name.line_id}"
