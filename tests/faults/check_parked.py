"""Checks what was set aside: only what could not be asked, and whole. A good message that is parked is lost all the same."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import protovalidate

from tests.faults.evidence import INBOUND
from tests.faults.problem import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.timestamp_pb2 import Timestamp

    from tests.faults.evidence import Evidence, Row, Stored

_TEXT_CHARACTERS_MAX = 256


def check_parked(evidence: Evidence) -> Iterator[Problem]:
    """What is parked is on the stream as it was parked, and its reason is true of it."""
    messages = {message.sequence: message for message in evidence.inbound}
    payloads: dict[tuple[str, str], set[bytes]] = defaultdict(set)
    for message in evidence.inbound:
        payloads[evidence.inbox_key(message)].add(message.payload)
    is_whole = evidence.incarnation == 1 and 1 in messages
    for row in evidence.tables["parked_messages"]:
        found = messages.get(row["sequence"])
        if found is None or (row["stream"], row["incarnation"]) != (INBOUND, evidence.incarnation):
            continue  # It is gone with its stream, or purged: nobody can say any more what it was.
        if "payload" in row and _parked(row) != (found.subject, found.headers, found.payload):
            yield Problem(Kind.LOST, f"{found.subject} {found.sequence} was parked as something else than it is")
        untrue = {
            "malformed": is_well_formed(found),
            "wrong_type": "ce-type" not in found.headers,
            "identity_reused": is_whole and len(payloads[evidence.inbox_key(found)]) == 1,
        }
        if untrue.get(row["reason"], False):
            yield Problem(Kind.LOST, f"{found.subject} {found.sequence} was parked as {row['reason']}, which it is not")


def is_well_formed(message: Stored) -> bool:
    """Whether a message keeps its contract: the constraints of its proto, its headers, and each line of an order once."""
    if not message.is_decodable or any(not _is_plain(value) for name, value in message.headers.items() if name[:3] == "ce-"):
        return False
    decoded = message.message
    if getattr(decoded, "eta", None) is not None and not _is_instant(decoded.eta):
        return False
    times = Counter(line.line_id or line.sku for line in getattr(decoded, "lines", ()))
    return not protovalidate.collect_violations(decoded) and max(times.values(), default=0) <= 1


def _is_instant(timestamp: Timestamp) -> bool:
    try:
        timestamp.ToDatetime()
    except (ValueError, OverflowError):
        return False
    return True


def _is_plain(value: str) -> bool:
    return 0 < len(value) <= _TEXT_CHARACTERS_MAX and value.isascii() and value.isprintable()


def _parked(row: Row) -> tuple[str, dict[str, str], bytes]:
    return row["subject"], json.loads(row["headers"]), row["payload"]
