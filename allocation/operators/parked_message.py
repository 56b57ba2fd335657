"""One parked message: how its place is written, what is in it, and what an operator can do about it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.message import DecodeError

from allocation.contract.cloudevents import decode_headers
from allocation.contract.inward import message_type_of
from allocation.service_layer.records import StreamPlace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from allocation.service_layer.records import ParkedMessage

_PLACE = re.compile(r"([^/]{1,256})/([1-9][0-9]{0,9})/([1-9][0-9]{0,18})")
_INCARNATION_MAX, _SEQUENCE_MAX = 2**31 - 1, 2**63 - 1


class PlaceError(ValueError):
    """A text that names no place of a stream."""


def place_of(text: str) -> StreamPlace:
    """Read a place as it is written here: stream/incarnation/sequence.

    Raises:
        PlaceError: it is none.

    """
    found = _PLACE.fullmatch(text)
    if found is None or int(found[2]) > _INCARNATION_MAX or int(found[3]) > _SEQUENCE_MAX:
        raise PlaceError(f"{text!r} is no place of a message: write it as it is listed, e.g. ALLOCATION_INBOUND/1/42")
    return StreamPlace(found[1], int(found[2]), int(found[3]))


def written(place: StreamPlace) -> str:
    """Write a place as one word that can be copied."""
    return "/".join(map(str, place))


def decoded(message: ParkedMessage) -> tuple[str, dict[str, Any] | None]:
    """Answer the message type of the subject, and the content if the payload can be read as one; "" for unknown subjects."""
    name = message_type_of(message.subject)
    if name is None:
        return "", None
    message_class = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))
    try:
        return name, json_format.MessageToDict(message_class.FromString(message.payload), preserving_proto_field_name=True)
    except (DecodeError, json_format.Error, ValueError):
        # A time beyond the calendar can be received, and cannot be written.
        return name, None


def headers_of(message: ParkedMessage) -> Mapping[str, str]:
    """Answer the headers as they were sent."""
    headers: dict[str, str] = json.loads(message.headers)
    return headers


def concerns(message: ParkedMessage) -> str:
    """Name the batch or the order that a message is about; "" if that cannot be read."""
    content = decoded(message)[1] or {}
    return content.get("batch_reference") or content.get("order_id") or ""


def advice(message: ParkedMessage) -> list[str]:
    """Say what an operator can do about a message that is parked, ending with the command to copy."""
    place = written(message.place)
    publisher = decode_headers(headers_of(message)).get("ce-source")
    sender = f"its publisher ({publisher})" if publisher else "its publisher"
    discard = f"allocation parked discard {place} --reason '...'"
    replay = f"allocation parked replay {place}"
    match message.reason.value:
        case "unknown_batch":
            batch = concerns(message)
            return [f"When batch {batch!r} exists, replay it; if it never will, discard it.", replay, discard]
        case "too_many_deliveries":
            return ["See in the service's log why it was never done with; once that is mended, replay it.", replay]
        case "identity_reused":
            return [
                f"Have {sender} send it under a ce-id of its own, then discard this one.",
                discard,
            ]
        case "unknown_subject":
            return ["A later release may know the subject: then replay it. Else discard it.", replay, discard]
        case _:
            return [f"It cannot be asked as it is: have {sender} send it anew, corrected, then discard this one.", discard]
