"""Old consumers read new events, and new consumers old ones: as released, as of today, and with all that may be added."""

from __future__ import annotations

import itertools
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorSet
from google.protobuf.message_factory import GetMessageClass
from stock.allocation.v1 import allocation_service_pb2, events_pb2, inbound_events_pb2, options_pb2

from allocation.contract import inward
from allocation.contract.validation import check
from tests.unit import contract_image
from tools.constraints import tightened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.descriptor_pb2 import EnumDescriptorProto, FileDescriptorProto

PACKAGE = "stock.allocation.v1"
RELEASED = Path(__file__).resolve().parents[2] / "protos" / "released.binpb"
BUF = Path(sys.executable).parent / "buf"
EVENT: Any = options_pb2.event  # the stubs do not know what an extension holds
VERSIONS = ("released", "today", "next")
INBOUND = [
    kind
    for kind in inbound_events_pb2.DESCRIPTOR.message_types_by_name.values()
    if kind.GetOptions().Extensions[EVENT].direction == options_pb2.DIRECTION_INBOUND
]


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


def full(kind: Descriptor) -> Any:  # noqa: ANN401 - of a class made just now
    """Make a message with every field set, enums to their latest value."""
    message: Any = GetMessageClass(kind)()
    for field in kind.fields:
        if field.message_type and field.is_repeated:
            getattr(message, field.name).append(full(field.message_type))
        elif field.message_type:
            getattr(message, field.name).CopyFrom(full(field.message_type))
        else:
            setattr(message, field.name, a_value(field))
    return message


def a_value(field: FieldDescriptor) -> str | int:
    if field.enum_type:
        return max(value.number for value in field.enum_type.values)
    return f"the {field.name}" if field.type == field.TYPE_STRING else 7


def known(message: Any, to: Descriptor) -> dict[int, Any]:  # noqa: ANN401 - as above
    """Answer what is set in a message, by field number, as far as another version of it knows the field."""
    found: dict[int, Any] = {}
    for field, value in message.ListFields():
        other = to.fields_by_number.get(field.number)
        if other and other.message_type:
            found[field.number] = [known(item, other.message_type) for item in (value if field.is_repeated else [value])]
        elif other:
            found[field.number] = value
    return found


def pairs() -> Iterator[Any]:
    for writer, reader in itertools.permutations(VERSIONS, 2):
        for name in sorted(kinds(writer).keys() & kinds(reader).keys()):
            yield pytest.param(writer, reader, name, id=f"{writer}-to-{reader}-{name.removeprefix(PACKAGE)[1:]}")


@pytest.mark.parametrize(("writer", "reader", "name"), list(pairs()))
def test_what_one_version_writes_another_reads(writer: str, reader: str, name: str) -> None:
    kind = kinds(reader)[name]
    written = full(kinds(writer)[name])
    read = GetMessageClass(kind).FromString(written.SerializeToString())
    assert known(read, kind) == known(written, kind), "what both know is the same, an unknown enum value is its number"
    assert {field.name for field, _ in read.ListFields()} <= set(kinds(writer)[name].fields_by_name), "the rest is absent"
    assert type(written).FromString(read.SerializeToString()) == written, "what the reader does not know survives it"


def test_every_event_is_read_across_versions() -> None:
    covered = {parameters.values for parameters in pairs()}
    for writer, reader in itertools.permutations(VERSIONS, 2):
        shared = events(writer) & events(reader)
        assert shared == events("released"), "no event is lost"
        assert {(writer, reader, name) for name in shared} <= covered
    assert len(events("next")) == len(events("today")) + 2


def test_a_released_event_keeps_its_subject_and_direction() -> None:
    released, today = (
        {message.name: message.options.Extensions[EVENT] for message in contract_image.messages(version_of(version))}
        for version in ("released", "today")
    )
    assert {name: today.get(name) for name in released} == released


def test_an_enum_value_of_the_next_version_is_kept_as_its_number() -> None:
    later = full(kinds("next")[f"{PACKAGE}.Deallocated"])
    read = events_pb2.Deallocated.FromString(later.SerializeToString())
    assert read.reason == max(events_pb2.DeallocationReason.values()) + 1


@pytest.mark.parametrize("kind", INBOUND, ids=lambda kind: kind.name)
def test_an_inbound_event_of_the_next_version_is_the_same_command(kind: Descriptor) -> None:
    subject = inward.subject_of(GetMessageClass(kind))
    today, later = full(kind).SerializeToString(), full(kinds("next")[kind.full_name]).SerializeToString()
    assert len(later) > len(today)
    assert inward.command_of_event(subject, later) == inward.command_of_event(subject, today)


def test_every_event_that_is_consumed_is_tried() -> None:
    assert {inward.subject_of(GetMessageClass(kind)) for kind in INBOUND} == set(inward.INBOUND_SUBJECTS)


def test_an_inbound_event_that_came_later_is_not_taken_for_another() -> None:
    assert inward.message_type_of("batch.stock.counted") is None


REQUESTS: dict[str, Callable[[Any], object]] = {
    "CreateBatchRequest": inward.create_batch,
    "AllocateRequest": inward.allocate,
    "ChangeBatchQuantityRequest": inward.change_batch_quantity,
}


@pytest.mark.parametrize(
    "kind",
    [method.input_type for method in allocation_service_pb2.DESCRIPTOR.services_by_name["AllocationService"].methods],
    ids=lambda kind: kind.name,
)
def test_a_request_of_the_next_version_means_the_same(kind: Descriptor) -> None:
    today = full(kind)
    later = type(today).FromString(full(kinds("next")[kind.full_name]).SerializeToString())
    check(later)
    if translate := REQUESTS.get(kind.name):
        assert translate(later) == translate(today)


def buf_breaking(folder: Path, changed: FileDescriptorSet) -> str:
    """Answer what `buf breaking` says about a change of today's contract."""
    for name, files in (("today", contract_image.image()), ("changed", changed)):
        (folder / f"{name}.binpb").write_bytes(files.SerializeToString())
    config = '{"version": "v2", "breaking": {"use": ["FILE"]}}'
    command = [str(BUF), "breaking", "changed.binpb", "--against", "today.binpb", "--config", config]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)  # noqa: S603 - our own tool
    assert ended.returncode == 0 or ended.stdout, ended.stderr
    return ended.stdout


def test_what_the_next_version_adds_may_be_added(tmp_path: Path) -> None:
    assert buf_breaking(tmp_path, version_of("next")) == ""
    assert tightened(version_of("released"), version_of("next")) == []


def test_a_tightened_constraint_is_seen_by_one_check_alone(tmp_path: Path) -> None:
    changed = contract_image.image()
    rules: Any = contract_image.field_of(changed, "OrderPlaced", "lines").options.Extensions[contract_image.RULES]
    assert tightened(contract_image.image(), changed) == []
    rules.repeated.max_items -= 1
    assert buf_breaking(tmp_path, changed) == ""
    (line,) = tightened(contract_image.image(), changed)
    assert line.startswith("stock.allocation.v1.OrderPlaced.lines: repeated: ")


def quantity_of(files: FileDescriptorSet) -> FieldDescriptorProto:
    return contract_image.field_of(files, "Allocated", "quantity")


def file_of(files: FileDescriptorSet, name: str) -> FileDescriptorProto:
    return next(file for file in contract_image.files(files) if file.name.endswith(f"/{name}.proto"))


def remove_a_field(files: FileDescriptorSet) -> None:
    contract_image.message_of(files, "Allocated").field.remove(quantity_of(files))


def change_a_type(files: FileDescriptorSet) -> None:
    quantity_of(files).type = FieldDescriptorProto.TYPE_INT64


def change_a_number(files: FileDescriptorSet) -> None:
    quantity_of(files).number = 99


def rename_a_field(files: FileDescriptorSet) -> None:
    quantity_of(files).name = "units"


def make_a_field_optional(files: FileDescriptorSet) -> None:
    quantity_of(files).proto3_optional = True
    quantity_of(files).oneof_index = 0
    contract_image.message_of(files, "Allocated").oneof_decl.add(name="_quantity")


def change_a_json_name(files: FileDescriptorSet) -> None:
    quantity_of(files).json_name = "units"


def put_a_field_into_a_oneof(files: FileDescriptorSet) -> None:
    contract_image.message_of(files, "Allocated").oneof_decl.add(name="amount")
    quantity_of(files).oneof_index = 0


def answer_with_another_message(files: FileDescriptorSet) -> None:
    file_of(files, "allocation_service").service[0].method[0].output_type = f".{PACKAGE}.Batch"


def answer_with_a_stream(files: FileDescriptorSet) -> None:
    file_of(files, "allocation_service").service[0].method[0].server_streaming = True


def remove_an_enum_value(files: FileDescriptorSet) -> None:
    del file_of(files, "errors").enum_type[0].value[-1]


def remove_an_rpc(files: FileDescriptorSet) -> None:
    del file_of(files, "allocation_service").service[0].method[-1]


def move_a_message(files: FileDescriptorSet) -> None:
    file_of(files, "line").message_type.append(file_of(files, "batch").message_type.pop())


@pytest.mark.parametrize(
    "change",
    [
        *(remove_a_field, change_a_type, change_a_number, rename_a_field, make_a_field_optional),
        *(change_a_json_name, put_a_field_into_a_oneof, answer_with_another_message, answer_with_a_stream),
        *(remove_an_enum_value, remove_an_rpc, move_a_message),
    ],
)
def test_what_consumers_rely_on_cannot_be_changed_unseen(change: Callable[[FileDescriptorSet], None], tmp_path: Path) -> None:
    changed = contract_image.image()
    change(changed)
    assert buf_breaking(tmp_path, changed) != ""
