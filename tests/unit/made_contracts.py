"""Contracts made by a test, of messages with one field each, and what protovalidate says about messages of them."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from buf.validate import validate_pb2
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    field_mask_pb2,
    message_factory,
    text_format,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorSet
from google.protobuf.timestamp_pb2 import Timestamp
from protovalidate import CompilationError, EvaluationError, Validator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FIELD: Any = validate_pb2.field  # the stubs do not know what an extension holds
MESSAGE: Any = validate_pb2.message
LIBRARY = (descriptor_pb2, any_pb2, duration_pb2, field_mask_pb2, timestamp_pb2, wrappers_pb2, validate_pb2)
MESSAGE_KINDS = {"any": "Any", "duration": "Duration", "field_mask": "FieldMask", "timestamp": "Timestamp"}
KINDS = [field.name for field in validate_pb2.FieldRules.DESCRIPTOR.oneofs_by_name["type"].fields]
SCALARS = [kind for kind in KINDS if kind not in (*MESSAGE_KINDS, "repeated", "map")]
WRAPPED = ["int32", "uint32", "int64", "uint64", "float", "double", "bool", "string", "bytes"]
# A field is plain, optional, or wrapped; "items", "keys" and "values" are elements of a repeated field or a map.
SHAPES = [
    *itertools.product(SCALARS, ("plain", "optional", "items", "values")),
    *itertools.product(MESSAGE_KINDS, ("plain", "items", "values")),
    *itertools.product(["int32", "uint64", "bool", "string"], ["keys"]),
    *itertools.product(WRAPPED, ["wrapped"]),
]


def a_contract(*messages: DescriptorProto, numbers: Iterable[int] = (0, 1, 2)) -> FileDescriptorSet:
    """Make an image of messages, an enum E with these numbers, and a message Inner whose text must not be empty."""
    inner = DescriptorProto(name="Inner", field=[a_field("text", "string")])
    inner.field[0].options.Extensions[FIELD].string.min_len = 1
    values = [descriptor_pb2.EnumValueDescriptorProto(name=f"E_{number}", number=number) for number in numbers]
    image = FileDescriptorSet()
    for module in LIBRARY:
        module.DESCRIPTOR.CopyToProto(image.file.add())
    image.file.add(
        name="p.proto",
        package="p",
        syntax="proto3",
        dependency=[module.DESCRIPTOR.name for module in LIBRARY],
        message_type=[*messages, inner],
        enum_type=[descriptor_pb2.EnumDescriptorProto(name="E", value=values)],
    )
    return image


def a_field(name: str, kind: str, number: int = 1, *, wrapped: bool = False) -> FieldDescriptorProto:
    """Make a field of a kind of rules, or of the message Inner."""
    field = FieldDescriptorProto(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
    if wrapped:
        names = {"uint32": "UInt32", "uint64": "UInt64"}
        field.type, field.type_name = field.TYPE_MESSAGE, f".google.protobuf.{names.get(kind, kind.capitalize())}Value"
    elif kind in MESSAGE_KINDS:
        field.type, field.type_name = field.TYPE_MESSAGE, f".google.protobuf.{MESSAGE_KINDS[kind]}"
    elif kind in ("enum", "Inner"):
        field.type, field.type_name = (field.TYPE_ENUM, ".p.E") if kind == "enum" else (field.TYPE_MESSAGE, ".p.Inner")
    else:
        field.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    return field


def a_message(kind: str, shape: str, rules: validate_pb2.FieldRules, name: str = "M") -> DescriptorProto:
    """Make a message whose field f has this kind, shape and rules."""
    message = DescriptorProto(name=name)
    field = message.field.add()
    field.CopyFrom(a_field("f", kind, wrapped=shape == "wrapped"))
    if shape == "optional":
        field.proto3_optional, field.oneof_index = True, 0
        message.oneof_decl.add(name="_f")
    elif shape == "items":
        field.label = field.LABEL_REPEATED
    elif shape in ("keys", "values"):
        key, value = (kind, "int32") if shape == "keys" else ("string", kind)
        entry = message.nested_type.add(name="FEntry", field=[a_field("key", key), a_field("value", value, 2)])
        entry.options.map_entry = True
        field.label, field.type, field.type_name = field.LABEL_REPEATED, field.TYPE_MESSAGE, f".p.{name}.FEntry"
    if rules.ByteSize():
        field.options.Extensions[FIELD].CopyFrom(rules)
    return message


class Judge:
    """Says which messages of a contract protovalidate accepts."""

    def __init__(self, image: FileDescriptorSet) -> None:
        self._pool = descriptor_pool.DescriptorPool()
        for file in image.file:
            self._pool.Add(file)
        self._validator = Validator()

    def message(self, name: str, payload: bytes = b"") -> Any:  # noqa: ANN401 - of a class made just now
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(f"p.{name}")).FromString(payload)

    def accepts(self, name: str, payload: bytes) -> bool:
        try:
            return not self._validator.collect_violations(self.message(name, payload))
        except (CompilationError, EvaluationError):
            return False


NUMBERS = [*range(-4, 8), -(2**31), 2**31 - 1, 2**63 - 1, 2**64 - 1]
FLOATS = [*range(-3, 4), 0.5, math.inf, -math.inf, math.nan, 5e-324, 1e-45, math.nextafter(1, 2), 1 + 2**-23, 1 - 2**-24]
TEXTS = [
    *("".join(letters) for length in range(4) for letters in itertools.product("abß", repeat=length)),
    *("a@b.de", "10.0.0.1", "::1", "b.de", "https://b.de/a", "aaaa", "a b", "10.0.0.0/8", "\x01", "x" * 65),
]
MOMENTS = [*range(-3, 5), 4_000_000_000]
SAMPLES: dict[str, list[Any]] = {
    "float": FLOATS,
    "double": FLOATS,
    "bool": [False, True],
    "string": TEXTS,
    "bytes": [*(text.encode() for text in TEXTS), b"\xff", b"0123", b"0" * 16],
    "enum": [*range(-1, 5)],
    "any": [any_pb2.Any(type_url=url) for url in ("", "a", "b", "ab")],
    "field_mask": [field_mask_pb2.FieldMask(paths=paths) for paths in ([], ["a"], ["a.b"], ["b"], ["a", "b"], ["b", "a"])],
    "timestamp": [Timestamp(seconds=second, nanos=nanos) for second in MOMENTS for nanos in (0, 1)],
    "duration": [duration_pb2.Duration(seconds=second) for second in MOMENTS],
}


def samples(judge: Judge, kind: str, shape: str, name: str = "M") -> Iterator[bytes]:
    """Serialise messages of made contracts: one that holds nothing, and one for each value in its place."""
    yield b""
    for value in SAMPLES.get(kind, NUMBERS):
        message = judge.message(name)
        try:
            _put(message, value, kind, shape)
        except ValueError:  # not of this type: a negative unsigned number
            continue
        yield message.SerializeToString()
        if shape == "items":
            _put(message, value, kind, shape)
            yield message.SerializeToString()


def _put(message: Any, value: Any, kind: str, shape: str) -> None:  # noqa: ANN401 - as above
    if kind in MESSAGE_KINDS:  # its class belongs to another pool
        place = message.f.add() if shape == "items" else message.f["k"] if shape == "values" else message.f
        place.MergeFromString(value.SerializeToString())
        place.SetInParent()
    elif shape == "items":
        message.f.append(value)
    elif shape in ("keys", "values"):
        message.f.update({value: 1} if shape == "keys" else {"k": value})
    elif shape == "wrapped":
        message.f.value = value
        message.f.SetInParent()
    else:
        message.f = value


def rules(text: str) -> validate_pb2.FieldRules:
    """Read the rules of a field."""
    return text_format.Parse(text, validate_pb2.FieldRules())


def message_rules(text: str) -> validate_pb2.MessageRules:
    """Read the rules of a message."""
    return text_format.Parse(text, validate_pb2.MessageRules())


def newly_refused(released: FileDescriptorSet, current: FileDescriptorSet, kind: str, shape: str, name: str = "M") -> list[str]:
    """Answer the samples that the one contract accepts and the other refuses, as protovalidate says."""
    was, now = Judge(released), Judge(current)
    return [
        str(was.message(name, payload))
        for payload in samples(was, kind, shape, name)
        if was.accepts(name, payload) and not now.accepts(name, payload)
    ]


NAMES = "abcd"


def with_message_rules(found: validate_pb2.MessageRules) -> FileDescriptorSet:
    """Make a message of the texts a, b, c and d, a of which must not be empty."""
    message = DescriptorProto(name="M", field=[a_field(name, "string", n) for n, name in enumerate(NAMES, 1)])
    message.field[0].options.Extensions[FIELD].string.min_len = 1
    message.options.Extensions[MESSAGE].CopyFrom(found)
    return a_contract(message)
