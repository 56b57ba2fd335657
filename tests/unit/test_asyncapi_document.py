"""The AsyncAPI document holds every event, seen from the allocation service, in words and types that come from the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from google.protobuf.json_format import ParseDict
from stock.allocation.v1 import events_pb2, inbound_events_pb2

from allocation.contract.validation import check_outgoing, violations_of
from tests.unit.contract_image import (
    EVENT,
    ROOT,
    RULES,
    change_comment,
    compile_protos,
    events,
    field_of,
    image,
    message_of,
    messages,
)
from tools.asyncapi_document import asyncapi_document
from tools.contract import INBOUND, OUTBOUND, ContractError

if TYPE_CHECKING:
    from pathlib import Path

    from google.protobuf.descriptor_pb2 import DescriptorProto
    from google.protobuf.message import Message

EVENTS = [*events(image(), INBOUND), *events(image(), OUTBOUND)]
INBOUND_NAMES = [event.name for event in events(image(), INBOUND)]


@pytest.fixture(scope="module")
def document() -> Any:  # noqa: ANN401 - YAML
    return yaml.safe_load(asyncapi_document(image()))


def decoded(name: str, payload: dict[str, Any]) -> Message:
    file = inbound_events_pb2 if name in INBOUND_NAMES else events_pb2
    message: Message = getattr(file, name)()
    return ParseDict(payload, message)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_event_is_a_channel_with_an_operation_of_its_direction(document: dict[str, Any], event: DescriptorProto) -> None:
    options = event.options.Extensions[EVENT]
    action = "receive" if options.direction == INBOUND else "send"
    channel = document["channels"][options.subject]
    operation = document["operations"][f"{action}{event.name}"]
    assert channel["address"] == options.subject
    assert channel["messages"] == {event.name: {"$ref": f"#/components/messages/{event.name}"}}
    assert operation["action"] == action
    assert operation["channel"] == {"$ref": f"#/channels/{options.subject}"}
    assert operation["messages"] == [{"$ref": f"#/channels/{options.subject}/messages/{event.name}"}]
    assert document["components"]["messages"][event.name]["name"] == f"stock.allocation.v1.{event.name}"


def test_there_is_nothing_but_the_events(document: dict[str, Any]) -> None:
    assert len(EVENTS) == len(document["channels"]) == len(document["operations"]) == len(document["components"]["messages"])


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_the_payload_is_the_message_of_the_contract(document: dict[str, Any], event: DescriptorProto, tmp_path: Path) -> None:
    payload = document["components"]["messages"][event.name]["payload"]
    assert payload["schemaFormat"] == "application/vnd.google.protobuf;version=3"
    (tmp_path / "payload.proto").write_text(payload["schema"], encoding="utf-8")
    printed = compile_protos(tmp_path)
    in_file = {message.name for message in messages(printed)}
    assert event.name in in_file
    for name in in_file:
        assert fields_of(message_of(printed, name)) == fields_of(message_of(image(), name))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_an_example_keeps_the_contract(document: dict[str, Any], event: DescriptorProto) -> None:
    (example,) = document["components"]["messages"][event.name]["examples"]
    message = decoded(event.name, example["payload"])
    if event.name in INBOUND_NAMES:
        assert violations_of(message) == []
    else:
        check_outgoing(message)
    assert example["headers"]["ce-type"] == message.DESCRIPTOR.full_name


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_the_headers_of_an_example_are_those_that_are_described(document: dict[str, Any], event: DescriptorProto) -> None:
    message = document["components"]["messages"][event.name]
    schema = document["components"]["schemas"][message["headers"]["$ref"].rpartition("/")[2]]
    headers = message["examples"][0]["headers"]
    assert set(schema["required"]) <= headers.keys() <= schema["properties"].keys()
    if event.name not in INBOUND_NAMES:
        assert headers.keys() == schema["properties"].keys()
        assert all(headers[name] == rule["const"] for name, rule in schema["properties"].items() if "const" in rule)


def test_what_correlates_is_a_header(document: dict[str, Any]) -> None:
    location = document["components"]["correlationIds"]["correlation"]["location"]
    assert location == "$message.header#/ce-correlationid"
    assert all("ce-correlationid" in schema["properties"] for schema in document["components"]["schemas"].values())


def test_a_constraint_that_changes_changes_the_payload() -> None:
    changed = image()
    field_of(changed, "BatchCreated", "purchased_quantity").options.Extensions[RULES].int32.gte = 7
    payload = yaml.safe_load(asyncapi_document(changed))["components"]["messages"]["BatchCreated"]["payload"]["schema"]
    assert "int32 purchased_quantity = 3 [(buf.validate.field).int32 = {gte: 7}];" in payload


def test_a_subject_that_changes_changes_the_channel() -> None:
    changed = image()
    message_of(changed, "OrderPlaced").options.Extensions[EVENT].subject = "order.confirmed"
    channels = yaml.safe_load(asyncapi_document(changed))["channels"]
    assert "order.placed" not in channels
    assert channels["order.confirmed"]["address"] == "order.confirmed"


@pytest.mark.parametrize("name", [event.name for event in EVENTS])
def test_an_event_without_comment_or_direction_is_named(name: str) -> None:
    changed = image()
    change_comment(changed, name, None, " It is.\n")
    with pytest.raises(ContractError, match=rf"^stock\.allocation\.v1\.{name}: its comment has no paragraph that begins with"):
        asyncapi_document(changed)
    changed = image()
    message_of(changed, name).options.Extensions[EVENT].ClearField("direction")
    with pytest.raises(ContractError, match=rf"^stock\.allocation\.v1\.{name} has direction 0"):
        asyncapi_document(changed)


def test_a_field_without_an_example_is_named() -> None:
    changed = image()
    field_of(changed, "Allocated", "quantity").name = "pieces"
    with pytest.raises(ContractError, match=r"^stock\.allocation\.v1\.Allocated\.pieces has no example value"):
        asyncapi_document(changed)


def test_the_committed_document_is_that_of_the_protos() -> None:
    assert (ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8") == asyncapi_document(image()), "run `make generate`"


def fields_of(message: DescriptorProto) -> list[tuple[object, ...]]:
    """Say what a message is on the wire, and what its constraints are."""
    return [
        (
            field.name,
            field.number,
            field.type,
            field.label,
            field.type_name,
            field.options.Extensions[RULES].SerializeToString(),
        )
        for field in message.field
    ]
