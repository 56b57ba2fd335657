"""The package of the contract for Python holds to the golden vectors that the packages of every language are tested with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import protovalidate
import pytest
from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass
from stock.allocation.v1 import allocation_service_pb2, batch_pb2, events_pb2, inbound_events_pb2, line_pb2, subjects

if TYPE_CHECKING:
    from google.protobuf.message import Message

FOLDER = Path(__file__).parents[2] / "golden" / "v1"
FILES = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]
EVENTS = [file for file in FILES if "subject" in file]
TYPES: dict[str, type[Message]] = {
    kind.full_name: GetMessageClass(kind)
    for module in (allocation_service_pb2, batch_pb2, events_pb2, inbound_events_pb2, line_pb2)
    for kind in module.DESCRIPTOR.message_types_by_name.values()
}
VECTORS = [pytest.param(file["message"], vector, id=f"{file['message']}: {vector['name']}") for file in FILES for vector in file["vectors"]]
LATER_VERSION, PRESENT_ZERO = "from a later version", "zero that is present"


def test_there_is_a_golden_file_for_every_message_and_for_no_other() -> None:
    assert FILES, f"no file in {FOLDER}"
    assert sorted(file["message"] for file in FILES) == sorted(TYPES)


@pytest.mark.parametrize(("message", "vector"), VECTORS)
def test_a_golden_vector_is_decoded(message: str, vector: dict[str, Any]) -> None:
    decoded = TYPES[message].FromString(bytes.fromhex(vector["wire"]))
    assert json_format.MessageToDict(decoded) == vector["json"]


@pytest.mark.parametrize(("message", "vector"), [param for param in VECTORS if LATER_VERSION not in str(param.id)])
def test_a_golden_vector_is_encoded(message: str, vector: dict[str, Any]) -> None:
    encoded = json_format.ParseDict(vector["json"], TYPES[message]()).SerializeToString(deterministic=True)
    assert encoded.hex() == vector["wire"]


@pytest.mark.parametrize(("message", "vector"), [param for param in VECTORS if LATER_VERSION in str(param.id)])
def test_a_golden_vector_of_a_later_version_loses_nothing(message: str, vector: dict[str, Any]) -> None:
    decoded = TYPES[message].FromString(bytes.fromhex(vector["wire"]))
    assert decoded.SerializeToString(deterministic=True).hex() == vector["wire"], "the field that we do not know is handed on"
