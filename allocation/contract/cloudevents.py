"""The envelope: CloudEvents 1.0 attributes in NATS headers, binary mode, both ways. The payload is none of its business."""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from allocation.service_layer.streams import OutboxEvent

PREFIX = "ce-"
ID = "ce-id"
CONTENT_TYPE = "application/protobuf"
MESSAGE_ID = "Nats-Msg-Id"

_PLAIN = re.compile(r"[\x21\x23\x24\x26-\x7e]*")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def encode_headers(event: OutboxEvent, source: str) -> dict[str, str]:
    """Write the envelope of an event; `Nats-Msg-Id` makes the broker store it once."""
    attributes = {
        "specversion": "1.0",
        "id": event.event_id,
        "source": source,
        "type": event.type,
        "subject": event.sku,
        "time": event.occurred_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "datacontenttype": CONTENT_TYPE,
        "correlationid": event.correlation_id,
        "causationid": event.causation_id,
    }
    headers = {PREFIX + name: encode(value) for name, value in attributes.items() if value}
    headers[MESSAGE_ID] = event.event_id
    if event.traceparent:
        headers["traceparent"] = event.traceparent
    return headers


def decode_headers(headers: Mapping[str, str] | None) -> Mapping[str, str]:
    """Read what a publisher sent: names in lower case, the values of `ce-` headers decoded, the others as they were.

    Never fails: a stray percent sign stands for itself, and bytes that are no UTF-8 become U+FFFD.
    """
    return {
        name.lower(): decode(value) if name.lower().startswith(PREFIX) else value for name, value in (headers or {}).items()
    }


def valid_traceparent(value: str | None) -> str | None:
    """Answer a trace's parent as W3C Trace Context (version 00) writes it; anything else is no trace, as that asks."""
    return value if value is not None and _TRACEPARENT.fullmatch(value) else None


def encode(value: str) -> str:
    """Percent-encode the UTF-8 of whatever is a double quote, a percent sign, or outside U+0021 to U+007E."""
    if _PLAIN.fullmatch(value):
        return value
    return "".join(
        character if _PLAIN.fullmatch(character) else "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))
        for character in value
    )


def decode(value: str) -> str:
    """Undo `encode`; an old sender's quoted value loses its quotes first, as the binding asks."""
    if len(value) >= len('""') and value.startswith('"') and value.endswith('"'):
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return unquote(value, errors="replace")
