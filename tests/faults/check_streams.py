"""Checks the event stream against the log: nothing lost, nothing twice, nothing altered, nothing out of order."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from tests.faults.check_contents import envelope_differs
from tests.faults.evidence import Stored, decode
from tests.faults.problem import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tests.faults.evidence import Evidence, Row


def check_published(evidence: Evidence, gone_through: int) -> Iterator[Problem]:
    """Every public event is on the stream, but for those that may be gone with a former life of it."""
    stored = {_id(message) for message in evidence.outgoing}
    for event in evidence.public_events:
        if event["event_id"] not in stored and event["position"] > gone_through:
            yield Problem(Kind.LOST, f"{_shown(event)} is in the log and was never published")


def check_once(evidence: Evidence) -> Iterator[Problem]:
    """Every identity is on the stream once, and so is every number of a sku."""
    events = {event["event_id"]: event for event in evidence.public_events}
    for identity, times in Counter(_id(message) for message in evidence.outgoing).items():
        if times > 1 and identity in events:
            yield Problem(Kind.DOUBLED, f"{_shown(events[identity])} is on the event stream {times} times")
    numbers = Counter(
        (event["sku"], event["sku_sequence"]) for event in evidence.public_events if event["sku_sequence"] is not None
    )
    for (sku, number), times in numbers.items():
        if times > 1:
            yield Problem(Kind.DOUBLED, f"{sku} has {times} events of number {number}")


def check_rejected_once(evidence: Evidence) -> Iterator[Problem]:
    """What a message asked for in vain is announced once."""
    told: Counter[tuple[str, ...]] = Counter()
    for event, message in evidence.decoded():
        if event["type"].endswith(".Rejected"):
            told[message.message_source, message.message_id, message.batch_reference, message.order_id, message.line_id] += 1
    for (source, identity, *what), times in told.items():
        if times > 1:
            yield Problem(
                Kind.DOUBLED, f"message {identity} of {source} was rejected {times} times about {' '.join(filter(None, what))}"
            )


def check_unaltered(evidence: Evidence, lost_past: Collection[range]) -> Iterator[Problem]:
    """What is on the stream is what was logged, and nothing else but what the log has lost."""
    events = {event["event_id"]: event for event in evidence.public_events}
    for message in evidence.outgoing:
        event = events.get(_id(message))
        if event is None:
            if any(message.sequence in lost for lost in lost_past):
                continue
            yield Problem(Kind.WRONG, f"sequence {message.sequence} of the event stream is none of the log's events")
            continue
        logged = (event["subject"], event["type"], event["payload"])
        if logged != (message.subject, message.headers["ce-type"], message.payload):
            yield Problem(Kind.WRONG, f"{_shown(event)} was published as something else")
        elif envelope_differs(event, message.headers):
            yield Problem(Kind.WRONG, f"{_shown(event)} was published in another envelope")


def check_order(evidence: Evidence, re_emitted: frozenset[str]) -> Iterator[Problem]:
    """The events of a sku are on the stream in the order in which they happened, and so are, later, those sent again."""
    events = {event["event_id"]: event for event in evidence.public_events}
    last: dict[tuple[str, bool], int] = defaultdict(int)
    for message in evidence.outgoing:
        event = events.get(_id(message))
        if event is None:
            continue
        among = (event["sku"], event["event_id"] in re_emitted)
        if event["position"] < last[among]:
            yield Problem(Kind.OUT_OF_ORDER, f"{_shown(event)} is on the event stream after a later one")
        last[among] = max(last[among], event["position"])


def _id(message: Stored) -> str:
    return message.headers.get("ce-id", "")


def _shown(event: Row) -> str:
    message = decode(event)
    kind = event["type"].rpartition(".")[2]
    number = "" if event["sku_sequence"] is None else f" {event['sku_sequence']}"
    line = f" ({message.order_id} {message.line_id})" if getattr(message, "order_id", "") else ""
    return f"{kind} {event['sku']}{number}{line}"
