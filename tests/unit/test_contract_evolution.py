"""Old consumers read new events, and new consumers old ones: as released, as of today, and with all that may be added."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.message_factory import GetMessageClass
from stock.allocation.v1 import allocation_service_pb2, events_pb2, inbound_events_pb2, options_pb2

from allocation.contract import inward
from allocation.contract.validation import check
from tests.unit import contract_image
from tests.unit.contract_versions import EVENT, PACKAGE, VERSIONS, events, kinds, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.descriptor import Descriptor, FieldDescriptor

INBOUND = [
    kind
    for kind in inbound_events_pb2.DESCRIPTOR.message_types_by_name.values()
    if kind.GetOptions().Extensions[EVENT].direction == options_pb2.DIRECTION_INBOUND
]


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
