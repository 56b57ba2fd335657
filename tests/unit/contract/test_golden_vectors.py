"""The Python package of the contract holds to the golden vectors that the packages of all languages are tested with."""

from __future__ import annotations

import json
import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import protovalidate
import pytest
from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass
from stock.allocation import v1
from stock.allocation.v1 import allocation_service_pb2, inbound_events_pb2, line_pb2, options_pb2, subjects

if TYPE_CHECKING:
    from google.protobuf.message import Message

FOLDER = Path(__file__).parents[2] / "golden" / "v1"
FILES: list[dict[str, Any]] = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]
MODULES = [import_module(f"{v1.__name__}.{found.name}") for found in pkgutil.iter_modules(v1.__path__) if "_pb2" in found.name]
TYPES: dict[str, type[Message]] = {
    kind.full_name: GetMessageClass(kind)
    for module in MODULES
    if hasattr(module, "DESCRIPTOR")  # the gRPC client's module has none
    for kind in module.DESCRIPTOR.message_types_by_name.values()
    if kind is not options_pb2.EventOptions.DESCRIPTOR  # describes the contract, and is never sent
}
VECTORS = [(file["message"], vector) for file in FILES for vector in file["vectors"]]
OF_THIS_VERSION = [(message, vector) for message, vector in VECTORS if vector["name"] != "from a later version"]
OF_A_LATER_VERSION = [(message, vector) for message, vector in VECTORS if vector["name"] == "from a later version"]
PRESENT_ZEROS = [(message, vector) for message, vector in VECTORS if vector["name"] == "zero that is present"]
EVENTS = [
    file
    for file in FILES
    if TYPES[file["message"]].DESCRIPTOR.GetOptions().HasExtension(options_pb2.event)  # type: ignore[arg-type]
]
GOOD_CHANGE = inbound_events_pb2.BatchQuantityChanged(batch_reference="b1", quantity=0)


def named(value: object) -> str:
    return str(value["name"] if isinstance(value, dict) else value)


def decoded(message: str, vector: dict[str, Any]) -> Message:
    return TYPES[message].FromString(bytes.fromhex(vector["wire"]))


def broken_fields(message: Message) -> list[str]:
    violations = protovalidate.collect_violations(message)
    return [".".join(step.field_name for step in found.proto.field.elements) for found in violations if found.proto.field]


def test_every_message_has_a_golden_file_and_no_golden_file_is_unknown() -> None:
    assert FILES, f"there is no golden file in {FOLDER}"
    assert sorted(file["message"] for file in FILES) == sorted(TYPES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file["message"])
def test_a_golden_file_has_the_vectors_that_say_most(file: dict[str, Any]) -> None:
    assert {"nothing set", "everything set", "from a later version"} <= {vector["name"] for vector in file["vectors"]}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file["message"])
def test_an_event_and_no_other_golden_message_has_an_envelope(file: dict[str, Any]) -> None:
    expected = {"subject", "headers", "attributes"} if file in EVENTS else set()
    assert {key for key in ("subject", "headers", "attributes") if file.get(key)} == expected


@pytest.mark.parametrize(("message", "vector"), VECTORS, ids=named)
def test_a_golden_vector_is_read(message: str, vector: dict[str, Any]) -> None:
    assert json_format.MessageToDict(decoded(message, vector)) == vector["json"]


@pytest.mark.parametrize(("message", "vector"), OF_THIS_VERSION, ids=named)
def test_a_golden_vector_is_written(message: str, vector: dict[str, Any]) -> None:
    written = json_format.ParseDict(vector["json"], TYPES[message]()).SerializeToString(deterministic=True)
    assert written.hex() == vector["wire"]


@pytest.mark.parametrize(("message", "vector"), OF_A_LATER_VERSION, ids=named)
def test_what_a_golden_vector_has_from_a_later_version_is_handed_on(message: str, vector: dict[str, Any]) -> None:
    assert decoded(message, vector).SerializeToString(deterministic=True).hex() == vector["wire"]


def test_the_unknown_state_of_a_golden_line_keeps_its_number() -> None:
    (vector,) = (vector for message, vector in OF_A_LATER_VERSION if message == "stock.allocation.v1.LineStatus")
    line = line_pb2.LineStatus.FromString(bytes.fromhex(vector["wire"]))
    assert line.state == vector["json"]["state"]
    assert line.state not in line_pb2.LineState.values()


@pytest.mark.parametrize(("message", "vector"), PRESENT_ZEROS, ids=named)
def test_a_golden_zero_that_is_present_is_not_nothing(message: str, vector: dict[str, Any]) -> None:
    assert decoded(message, vector).HasField("quantity")
    assert not TYPES[message]().HasField("quantity")


def test_both_messages_with_a_quantity_that_may_be_absent_have_a_golden_zero() -> None:
    assert {message.rpartition(".")[2] for message, _ in PRESENT_ZEROS} == {
        "BatchQuantityChanged",
        "ChangeBatchQuantityRequest",
    }


@pytest.mark.parametrize("file", EVENTS, ids=lambda file: file["message"])
def test_the_constant_of_an_event_is_its_golden_subject(file: dict[str, Any]) -> None:
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", file["message"].rpartition(".")[2]).upper()
    assert getattr(subjects, name) == file["subject"]


def test_every_subject_has_a_golden_file() -> None:
    constants = {value for name, value in vars(subjects).items() if name.isupper()}
    assert constants == {file["subject"] for file in EVENTS}


@pytest.mark.parametrize("file", EVENTS, ids=lambda file: file["message"])
def test_the_golden_headers_mean_the_attributes(file: dict[str, Any]) -> None:
    read = {name.removeprefix("ce-"): unquote(value) for name, value in file["headers"].items() if name.startswith("ce-")}
    assert read == file["attributes"]
    assert read["type"] == file["message"]
    assert read["id"]
    assert file["headers"]["Nats-Msg-Id"] == read["id"]


@pytest.mark.parametrize(
    "message",
    [
        GOOD_CHANGE,
        inbound_events_pb2.BatchCreated(batch_reference="b" * 128, sku="GARISH-RUG", purchased_quantity=1),
        inbound_events_pb2.OrderPlaced(order_id="o1", lines=[inbound_events_pb2.OrderPlacedLine(sku="GARISH-RUG", quantity=1)]),
        allocation_service_pb2.AllocateRequest(order_id="o1", sku="GARISH-RUG", quantity=1),
    ],
    ids=lambda message: message.DESCRIPTOR.name,
)
def test_a_message_that_keeps_the_constraints_passes(message: Message) -> None:
    protovalidate.validate(message)


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (inbound_events_pb2.BatchQuantityChanged(batch_reference="b1"), ["quantity"]),
        (inbound_events_pb2.BatchQuantityChanged(batch_reference="b1", quantity=-1), ["quantity"]),
        (inbound_events_pb2.BatchQuantityChanged(quantity=1), ["batch_reference"]),
        (allocation_service_pb2.ChangeBatchQuantityRequest(batch_reference="b1"), ["quantity"]),
        (
            inbound_events_pb2.BatchCreated(batch_reference="b" * 129, sku="a\nb"),
            ["batch_reference", "sku", "purchased_quantity"],
        ),
        (inbound_events_pb2.OrderPlaced(order_id="o1"), ["lines"]),
        (
            inbound_events_pb2.OrderPlaced(order_id="o1", lines=[inbound_events_pb2.OrderPlacedLine(sku="s")]),
            ["lines.quantity"],
        ),
    ],
    ids=lambda value: value.DESCRIPTOR.name if hasattr(value, "DESCRIPTOR") else "+".join(value),
)
def test_a_message_that_breaks_constraints_names_the_fields(message: Message, fields: list[str]) -> None:
    assert broken_fields(message) == fields
