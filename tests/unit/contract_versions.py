"""The contract as released, as of today, and with all that a release may add to it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorSet
from stock.allocation.v1 import options_pb2

from tests.unit import contract_image

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.descriptor_pb2 import EnumDescriptorProto, FileDescriptorProto

PACKAGE = "stock.allocation.v1"
RELEASED = Path(__file__).resolve().parents[2] / "protos" / "released.binpb"
EVENT: Any = options_pb2.event  # the stubs do not know what an extension holds
VERSIONS = ("released", "today", "next")


@cache
def version_of(name: str) -> FileDescriptorSet:
    """Answer the contract as released, as it is today, or with all that may be added to it."""
    if name == "released":
        return FileDescriptorSet.FromString(RELEASED.read_bytes())
    return contract_image.image() if name == "today" else with_additions(contract_image.image())


def with_additions(added: FileDescriptorSet) -> FileDescriptorSet:
    """Add three fields to every message, a value to every enum, two events and an RPC."""
    for file in contract_image.files(added):
        for message in file.message_type:
            add_fields(message)
        for enum in file.enum_type:
            add_value(enum)
        for service in file.service:
            service.method.add(name="AddedLater", input_type=service.method[0].input_type, output_type=f".{PACKAGE}.Batch")
        if file.name.endswith("/events.proto"):
            add_event(file, "AddedLater", "allocation.added_later", options_pb2.DIRECTION_OUTBOUND)
        if file.name.endswith("/inbound_events.proto"):
            add_event(file, "StockCounted", "batch.stock.counted", options_pb2.DIRECTION_INBOUND)
    return added


def add_fields(message: DescriptorProto) -> None:
    number = max((field.number for field in message.field), default=0)
    detail = message.nested_type.add(name="DetailAddedLater")
    detail.field.add(name="text", number=1, label=FieldDescriptorProto.LABEL_OPTIONAL, type=FieldDescriptorProto.TYPE_STRING)
    text = message.field.add(name="text_added_later", number=number + 1)
    text.label, text.type = text.LABEL_OPTIONAL, text.TYPE_STRING
    count = message.field.add(name="count_added_later", number=number + 2, proto3_optional=True)
    count.label, count.type, count.oneof_index = count.LABEL_OPTIONAL, count.TYPE_INT32, len(message.oneof_decl)
    message.oneof_decl.add(name="_count_added_later")
    details = message.field.add(name="details_added_later", number=number + 3, json_name="detailsAddedLater")
    details.label, details.type = details.LABEL_REPEATED, details.TYPE_MESSAGE
    details.type_name = f".{PACKAGE}.{message.name}.{detail.name}"


def add_value(enum: EnumDescriptorProto) -> None:
    prefix = enum.value[0].name.removesuffix("UNSPECIFIED")
    enum.value.add(name=f"{prefix}ADDED_LATER", number=max(value.number for value in enum.value) + 1)


def add_event(file: FileDescriptorProto, name: str, subject: str, direction: options_pb2.Direction) -> None:
    message = file.message_type.add(name=name)
    add_fields(message)
    message.options.Extensions[EVENT].CopyFrom(options_pb2.EventOptions(subject=subject, direction=direction))


@cache
def kinds(version: str) -> dict[str, Descriptor]:
    """Answer the messages of a version; today's are those that the generated code is made of."""
    if version == "today":
        pool = descriptor_pool.Default()
    else:
        pool = descriptor_pool.DescriptorPool()
        for file in version_of(version).file:
            pool.Add(file)
    names = (f"{PACKAGE}.{message.name}" for message in contract_image.messages(version_of(version)))
    return {name: pool.FindMessageTypeByName(name) for name in names}


def events(version: str) -> set[str]:
    """Name the event messages of a version: those with the option."""
    messages = contract_image.messages(version_of(version))
    return {f"{PACKAGE}.{message.name}" for message in messages if message.options.Extensions[EVENT].subject}
