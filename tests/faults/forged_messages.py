"""Forgeries of what came of messages: parked although they were good, applied in another order, or lost since they were not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.faults.consistent_forgeries import events_of
from tests.faults.evidence import INBOUND, Evidence, Stored
from tests.faults.problem import Kind

if TYPE_CHECKING:
    from tests.faults.forgeries import Forgery
    from tests.faults.ledger import Ledger


def _apply_two_quantities_in_the_wrong_order(evidence: Evidence, ledger: Ledger) -> None:
    """Have the stream say two quantities of a batch the other way round, neither of them its last."""
    places: dict[str, list[int]] = {}
    applied = {event["causation_id"] for event, _ in events_of(evidence, "StockChanged")}
    for place, stored in enumerate(evidence.inbound):
        if stored.subject == "batch.quantity.changed" and "ce-id" not in stored.headers:
            places.setdefault(stored.message.batch_reference, []).append(place)
    for reference, (*found, _last) in places.items():
        everything = [
            stored.message.quantity
            for stored in evidence.inbound
            if stored.subject == "batch.quantity.changed" and stored.message.batch_reference == reference
        ]
        unique = [
            place
            for place in found
            if everything.count(evidence.inbound[place].message.quantity) == 1
            and f"{INBOUND}/1/{evidence.inbound[place].sequence}" in applied
        ]
        if len(unique) > 1:
            _swap_payloads(evidence, ledger, unique[0], unique[1])
            return
    raise LookupError("no batch was set to three quantities by messages without an identity")


def _swap_payloads(evidence: Evidence, ledger: Ledger, one: int, other: int) -> None:
    first, second = evidence.inbound[one], evidence.inbound[other]
    evidence.inbound[one] = first._replace(payload=second.payload)
    evidence.inbound[other] = second._replace(payload=first.payload)
    by_sequence = {published.sequence: published.message for published in ledger.published}
    by_sequence[first.sequence].ParseFromString(second.payload)
    by_sequence[second.sequence].ParseFromString(first.payload)


def _park_a_good_message(evidence: Evidence, _: Ledger, reason: str = "malformed") -> None:
    """Set a quantity aside that a later one of its batch overtakes: no batch holds anything else for it."""
    last = {stored.message.batch_reference: stored for stored in evidence.inbound if stored.subject == "batch.quantity.changed"}
    good = next(
        stored
        for stored in evidence.inbound
        if stored.subject == "batch.quantity.changed"
        and "ce-id" not in stored.headers
        and last[stored.message.batch_reference] != stored
    )
    key = evidence.inbox_key(good)
    evidence.tables["inbox"] = [row for row in evidence.tables["inbox"] if (row["source"], row["message_id"]) != key]
    evidence.tables["parked_messages"].append(
        {
            "stream": INBOUND,
            "incarnation": evidence.incarnation,
            "sequence": good.sequence,
            "subject": good.subject,
            "headers": json.dumps(good.headers),
            "payload": good.payload,
            "reason": reason,
            "ending": None,
        }
    )


def _park_a_good_message_for_its_type(evidence: Evidence, ledger: Ledger) -> None:
    _park_a_good_message(evidence, ledger, "wrong_type")


def _park_a_good_message_for_its_identity(evidence: Evidence, ledger: Ledger) -> None:
    _park_a_good_message(evidence, ledger, "identity_reused")


def _park_other_bytes(evidence: Evidence, _: Ledger) -> None:
    evidence.tables["parked_messages"][0]["payload"] += b"\0"


def _lose_what_cannot_be_understood(evidence: Evidence, _: Ledger) -> None:
    evidence.inbound.append(Stored(10_000, "order.placed", {}, b"\xff\xff"))


FORGED_MESSAGES: list[Forgery] = [
    (_apply_two_quantities_in_the_wrong_order, Kind.OUT_OF_ORDER, "one after the other, its messages say"),
    (_park_a_good_message, Kind.LOST, "was parked as malformed, which it is not"),
    (_park_a_good_message_for_its_type, Kind.LOST, "was parked as wrong_type, which it is not"),
    (_park_a_good_message_for_its_identity, Kind.LOST, "was parked as identity_reused, which it is not"),
    (_park_other_bytes, Kind.LOST, "was parked as something else than it is"),
    (_lose_what_cannot_be_understood, Kind.LOST, "order.placed 10000 is neither in the inbox nor parked"),
]
