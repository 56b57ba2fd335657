"""How messages travel, in words: streams, headers and gRPC metadata, and what is in them. Limits come from the code."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from allocation.adapters.jetstream.configuration import InboundConfiguration
from allocation.contract.cloudevents import CONTENT_TYPE, encode_headers
from allocation.contract.validation import IDENTIFIER_CHARACTERS_MAX
from allocation.entrypoints.inbound_envelope import HEADER_CHARACTERS_MAX
from allocation.service_layer.streams import OutboxEvent
from allocation.settings import Settings
from tools.contract import INBOUND, OUTBOUND

if TYPE_CHECKING:
    from tools.contract import Message

_WINDOW_MINUTES = InboundConfiguration(subjects=()).duplicate_window_seconds / 60
_SOURCE: str = Settings.model_fields["event_source"].default
STREAMS: dict[int, str] = {
    INBOUND: f"the JetStream stream `{Settings.model_fields['inbound_stream'].default}` (`ALLOCATION_INBOUND_STREAM`)",
    OUTBOUND: f"the JetStream stream `{Settings.model_fields['event_stream'].default}` (`ALLOCATION_EVENT_STREAM`)",
}
ADDRESS: str = Settings.model_fields["nats_urls"].default
_LIMITS_IN_WORDS = f"1 to {HEADER_CHARACTERS_MAX} characters of UTF-8 without control characters, decoded"
_TRACE = "W3C Trace Context, version 00"


@dataclass(frozen=True, slots=True)
class Header:
    """A header: `always` says whether every message has it, `schema` what JSON Schema can say of its value."""

    name: str
    meaning: str
    schema: dict[str, Any] = field(default_factory=dict)
    always: bool = field(default=False, kw_only=True)


OUTBOUND_HEADERS = (
    Header("ce-specversion", "The version of CloudEvents.", {"const": "1.0"}, always=True),
    Header("ce-id", "The identity of the event, a UUIDv7: the same at every delivery.", {"format": "uuid"}, always=True),
    Header("ce-source", f"The service that sent it: `ALLOCATION_EVENT_SOURCE`, `{_SOURCE}` unless set otherwise.", always=True),
    Header("ce-type", "The full name of the message in the payload.", always=True),
    Header("ce-subject", "The sku that the event is about.", always=True),
    Header("ce-time", "When it was recorded: UTC, to the microsecond.", {"format": "date-time"}, always=True),
    Header("ce-datacontenttype", "What the payload is.", {"const": CONTENT_TYPE}, always=True),
    Header(
        "ce-correlationid",
        "What began it: the `ce-correlationid` of the inbound message, or its `ce-id`; the `x-correlation-id` of the call; "
        "else an id made for it. All events that follow from one message or call carry the same; what a very large change "
        "leaves for later transactions carries that of the latest change of its sku.",
        always=True,
    ),
    Header(
        "ce-causationid",
        "What directly caused it: the `ce-id` of the inbound message; if it had none, its place as "
        "`stream/incarnation/sequence`; of a call, an id made for it.",
        always=True,
    ),
    Header("Nats-Msg-Id", "The same as `ce-id`: by it JetStream stores the event once.", always=True),
    Header("traceparent", f"The trace of the message or call that began it, if it had one ({_TRACE})."),
)
INBOUND_HEADERS = (
    Header(
        "ce-id",
        f"The identity of the message: {_LIMITS_IN_WORDS}. Together with `ce-source` it makes a message that is published "
        "twice take effect once; the same two with another payload are set aside. A message without both is told apart by "
        "its place in the stream.",
    ),
    Header("ce-source", f"The service that publishes it: {_LIMITS_IN_WORDS}. See `ce-id`."),
    Header("ce-type", "The full name of the message in the payload. Another name than the subject's is set aside."),
    Header(
        "ce-correlationid",
        f"What began it: {_LIMITS_IN_WORDS}. Every event that follows carries it; if it is absent, they carry the `ce-id`, "
        "else an id made for it.",
    ),
    Header("traceparent", f"The trace that it belongs to ({_TRACE}); anything else is ignored."),
    Header(
        "Nats-Msg-Id",
        f"JetStream's own: a second message with the same one within {_WINDOW_MINUTES:g} minutes is not stored, unless the "
        "stream is set otherwise.",
    ),
)
METADATA = (
    Header(
        "x-correlation-id",
        f"The `ce-correlationid` of every event that follows from the call: 1 to {IDENTIFIER_CHARACTERS_MAX} characters; "
        "else an id is made for it.",
    ),
    Header("traceparent", f"The trace that the call belongs to ({_TRACE}); anything else is ignored."),
)


def outbound_example(message: Message, sku: str) -> dict[str, str]:
    """Answer the headers of an event as the service itself writes them."""
    if message.event is None:
        raise AssertionError(f"{message.full_name} is no event")
    event = OutboxEvent(
        position=1,
        event_id="01937b5e-7d00-7c3a-9f21-5d8a6c0e4b17",
        type=message.full_name,
        subject=message.event.subject,
        sku=sku,
        payload=b"",
        occurred_at=datetime(2026, 11, 23, 8, 30, 0, 123456, tzinfo=UTC),
        correlation_id="checkout-42",
        causation_id="01937b5e-7cff-7a10-8e55-2b9f1d7c3a06",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    return encode_headers(event, _SOURCE)


def inbound_example(message: Message) -> dict[str, str]:
    """Answer the headers of a message that takes effect once however often it is published."""
    return {
        "ce-id": "01937b5e-7cff-7a10-8e55-2b9f1d7c3a06",
        "ce-source": "/warehouse",
        "ce-type": message.full_name,
        "ce-correlationid": "checkout-42",
    }
