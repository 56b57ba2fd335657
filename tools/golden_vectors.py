"""Golden vectors: each message of the contract as wire bytes, as JSON and, for events, with its headers.

Every language's test reads the same files (tests/golden/README.md), so that no two of them read a message differently.
"""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from google.protobuf import json_format, message_factory, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from stock.allocation import v1
from stock.allocation.v1 import options_pb2

from allocation.contract.cloudevents import encode_headers
from allocation.service_layer.streams import OutboxEvent

FILES = [
    importlib.import_module(f"{v1.__name__}.{module.name}").DESCRIPTOR
    for module in pkgutil.iter_modules(v1.__path__)
    if module.name.endswith("_pb2")
]
AWKWARD = 'MISBEGOTTEN-RÜG "wool", 100 %'
INSTANT = datetime(2011, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1
EVENT_ID = "019f0000-0000-7000-8000-000000000001"
# Field 1000, a varint of 1: a field that some later version may add.
UNKNOWN_FIELD = b"\xc0\x3e\x01"
UNKNOWN_ENUM_NUMBER = 999


def golden_vectors() -> dict[str, str]:
    """Make every file: its name and its text."""
    return {f"tests/golden/v1/{descriptor.name}.json": document(descriptor) for descriptor in messages()}


def messages() -> list[Descriptor]:
    """List the messages of the contract, each once."""
    found = {
        descriptor.full_name: descriptor
        for file in FILES
        for descriptor in file.message_types_by_name.values()
        if descriptor.full_name != options_pb2.EventOptions.DESCRIPTOR.full_name
    }
    return [found[name] for name in sorted(found)]


def document(descriptor: Descriptor) -> str:
    """Write the file of one message."""
    document: dict[str, Any] = {"message": descriptor.full_name}
    if subject := subject_of(descriptor):
        source = "/stock/allocation" if subject.startswith("allocation.") else "/shop"
        document |= {"subject": subject} | envelope(descriptor.full_name, source)
    document["vectors"] = [
        {"name": name, "wire": wire.hex(), "json": json_format.MessageToDict(message)}
        for name, wire, message in vectors(descriptor)
    ]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def subject_of(descriptor: Descriptor) -> str:
    """Read the subject of an event; empty for any other message."""
    options: Any = descriptor.GetOptions()
    subject: str = options.Extensions[options_pb2.event].subject
    return subject


def envelope(message_type: str, source: str) -> dict[str, dict[str, str]]:
    """Show the headers that travel with an event, and the CloudEvents attributes that they mean."""
    event = OutboxEvent(
        position=1,
        event_id=EVENT_ID,
        type=message_type,
        subject="",
        sku=AWKWARD,
        payload=b"",
        occurred_at=INSTANT,
        correlation_id="correlation-1",
        causation_id="causation-1",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    headers = encode_headers(event, source)
    attributes = {name.removeprefix("ce-"): value for name, value in headers.items() if name.startswith("ce-")}
    return {"headers": headers, "attributes": attributes | {"subject": AWKWARD}}


def vectors(descriptor: Descriptor) -> Iterator[tuple[str, bytes, Message]]:
    """Name the vectors of a message: nothing set, everything set, and what a later version may send."""
    empty = message_factory.GetMessageClass(descriptor)()
    yield "nothing set", b"", empty
    whole = filled(descriptor)
    yield "everything set", whole.SerializeToString(deterministic=True), whole
    if explicit := [field for field in descriptor.fields if field.has_presence and field.type == FieldDescriptor.TYPE_INT32]:
        zero = message_factory.GetMessageClass(descriptor)()
        for field in explicit:
            setattr(zero, field.name, 0)
        yield "zero that is present", zero.SerializeToString(deterministic=True), zero
    newer = filled(descriptor, enum_number=UNKNOWN_ENUM_NUMBER)
    yield "from a later version", newer.SerializeToString(deterministic=True) + UNKNOWN_FIELD, newer


def filled(descriptor: Descriptor, enum_number: int | None = None) -> Message:
    """Set every field: awkward texts, the largest numbers, the last value of an enum or `enum_number`."""
    message = message_factory.GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.message_type == timestamp_pb2.Timestamp.DESCRIPTOR:
            getattr(message, field.name).FromDatetime(INSTANT)
        elif field.message_type and field.is_repeated:
            getattr(message, field.name).extend([filled(field.message_type, enum_number)] * 2)
        elif field.message_type:
            getattr(message, field.name).CopyFrom(filled(field.message_type, enum_number))
        else:
            setattr(message, field.name, value_of(field, enum_number))
    return message


def value_of(field: FieldDescriptor, enum_number: int | None) -> int | str:
    """Choose the value of a field that is no message."""
    if field.enum_type:
        return field.enum_type.values[-1].number if enum_number is None else enum_number
    if field.type == FieldDescriptor.TYPE_STRING:
        return AWKWARD if field.name == "sku" else f"{field.name} é 1"
    return {FieldDescriptor.TYPE_INT32: INT32_MAX, FieldDescriptor.TYPE_INT64: INT64_MAX}[field.type]
