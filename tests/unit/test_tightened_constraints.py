"""A constraint that refuses what it accepted is found; what it accepted is asked of protovalidate itself."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from buf.validate import validate_pb2
from google.protobuf import duration_pb2, field_mask_pb2, text_format, timestamp_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorSet
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.made_contracts import FIELD, SHAPES, Judge, a_contract, a_field, a_message, samples
from tools.constraint_rules import UNKNOWN
from tools.constraints import main, tightened

if TYPE_CHECKING:
    from google.protobuf.message import Message

EXAMPLES = 40
RELEASED = Path(__file__).resolve().parents[2] / "protos" / "released.binpb"
MESSAGE: Any = validate_pb2.message  # the stubs do not know what an extension holds
ONEOF: Any = validate_pb2.oneof


def rules(text: str) -> validate_pb2.FieldRules:
    return text_format.Parse(text, validate_pb2.FieldRules())


def message_rules(text: str) -> validate_pb2.MessageRules:
    return text_format.Parse(text, validate_pb2.MessageRules())


TIGHTER = [  # kind, shape, rules before, rules after, what is said
    ("int32", "plain", "int32 {gte: 1}", "int32 {gte: 2}", "p.M.f: int32: gte 1 -> gte 2"),
    ("int32", "plain", "int32 {gte: 1}", "int32 {gt: 1}", "p.M.f: int32: gte 1 -> gt 1"),
    ("uint64", "plain", "uint64 {lte: 7}", "uint64 {lt: 7}", "p.M.f: uint64: lte 7 -> lt 7"),
    ("double", "plain", "double {gte: 1}", "double {gt: 1}", "p.M.f: double: gte 1.0 -> gt 1.0"),
    ("float", "plain", "", "float {lte: inf}", "p.M.f: float: none -> lte inf"),
    ("int64", "optional", "int64 {gt: 5, lt: 2}", "int64 {gt: 5}", "p.M.f: int64: gt 5, lt 2 -> gt 5"),
    ("int32", "plain", "int32 {gt: -3, lt: 7}", "int32 {gt: 2, lt: 0}", "p.M.f: int32: gt -3, lt 7 -> gt 2, lt 0"),
    ("int32", "optional", "", "int32 {gte: 0}", "p.M.f: int32: none -> gte 0"),
    ("int32", "plain", "int32 {in: [1, 2]}", "int32 {in: [2, 3]}", "p.M.f: int32: in [1, 2] -> in [2, 3]"),
    ("int32", "plain", "int32 {not_in: [1]}", "int32 {not_in: [1, 2]}", "p.M.f: int32: not_in [1] -> not_in [1, 2]"),
    ("int32", "plain", "", "int32 {gte: 1}", "p.M.f: absent was accepted and is refused: no rules -> {int32 { gte: 1 }}"),
    ("string", "plain", "string {max_len: 3}", "string {max_len: 2}", "p.M.f: string: max_len 3 -> max_len 2"),
    ("string", "plain", "string {max_len: 3}", "string {max_bytes: 3}", "p.M.f: string: none -> max_bytes 3"),
    ("string", "optional", "", "string {min_len: 1}", "p.M.f: string: none -> min_len 1"),
    ("string", "optional", "", "required: true", "p.M.f: absent was accepted and is refused: no rules -> {required: true}"),
    ("string", "plain", "string {prefix: 'a'}", "string {prefix: 'ab'}", "p.M.f: string: prefix a -> prefix ab"),
    ("string", "plain", "", "string {not_contains: 'a'}", "p.M.f: string: none -> not_contains a"),
    ("bytes", "plain", "", "bytes {len: 4}", "p.M.f: absent was accepted and is refused: no rules -> {bytes { len: 4 }}"),
    ("bytes", "plain", "bytes {len: 4}", "bytes {len: 16}", "p.M.f: bytes: len 4 -> len 16"),
    ("bool", "plain", "", "bool {const: false}", "p.M.f: bool: none -> const False"),
    ("enum", "plain", "", "enum {defined_only: true}", "p.M.f: enum: none -> defined_only True"),
    ("int32", "items", "", "repeated {max_items: 1}", "p.M.f: repeated: none -> max_items 1"),
    ("int32", "items", "", "repeated {unique: true}", "p.M.f: repeated: none -> unique True"),
    ("int32", "items", "", "repeated {items {int32 {lt: 5}}}", "p.M.f.items: int32: none -> lt 5"),
    (
        *("int32", "items", "repeated {items {ignore: IGNORE_IF_ZERO_VALUE int32 {gt: 1}}}"),
        *("repeated {items {int32 {gt: 1}}}", "p.M.f.items: zero was accepted and is refused: "),
    ),
    ("string", "keys", "map {keys {string {max_len: 3}}}", "map {keys {string {max_len: 2}}}", "p.M.f.keys: string: "),
    ("string", "keys", "", "map {keys {string {min_len: 1}}}", "p.M.f.keys: zero was accepted and is refused: "),
    ("int32", "values", "", "map {values {int32 {not_in: [5]}}}", "p.M.f.values: int32: none -> not_in [5]"),
    ("int32", "values", "", "map {min_pairs: 1}", "p.M.f: absent was accepted and is refused: "),
    ("int32", "wrapped", "int32 {gte: 0}", "int32 {gte: 1}", "p.M.f: int32: gte 0 -> gte 1"),
    ("timestamp", "plain", "timestamp {gte {}}", "timestamp {gt {}}", "p.M.f: timestamp: gte {} -> gt {}"),
    ("timestamp", "plain", "timestamp {gte {}}", "timestamp {gt_now: true}", "p.M.f: timestamp: none -> gt_now True"),
    (
        *("timestamp", "plain", "timestamp {within {seconds: 9000000000}}", "timestamp {within {seconds: 9}}"),
        "p.M.f: timestamp: within {seconds: 9000000000} -> within {seconds: 9}",
    ),
    ("duration", "plain", "", "duration {lt {seconds: 2}}", "p.M.f: duration: none -> lt {seconds: 2}"),
    ("field_mask", "plain", "", "field_mask {in: ['a']}", "p.M.f: field_mask: none -> in [a]"),
    (
        *("field_mask", "plain", "field_mask {const {paths: 'a'} in: ['a']}", "field_mask {const {paths: 'a'} in: ['b']}"),
        "p.M.f: field_mask: in [a] -> in [b]",
    ),
    ("any", "plain", "", "any {not_in: ['a']}", "p.M.f: any: none -> not_in [a]"),
    ("int32", "plain", "ignore: IGNORE_ALWAYS int32 {gt: 1}", "int32 {gt: 1}", "p.M.f: int32: none -> gt 1"),
    ("int32", "plain", "ignore: IGNORE_IF_ZERO_VALUE int32 {gt: 1}", "int32 {gt: 1}", "p.M.f: absent was accepted"),
    ("string", "plain", "string {email: true}", "string {hostname: true}", "p.M.f: string: none -> hostname True"),
    (
        *("string", "plain", "string {well_known_regex: KNOWN_REGEX_HTTP_HEADER_NAME strict: false}"),
        *("string {well_known_regex: KNOWN_REGEX_HTTP_HEADER_NAME}", "-> well_known_regex 1"),
    ),
    ("string", "plain", "string {pattern: '^a*$'}", "string {pattern: '^b*$'}", f"pattern ^a*$ -> pattern ^b*${UNKNOWN}"),
    ("int32", "plain", "", "cel {id: 'x' expression: 'this < 3'}", f"p.M.f: cel: none -> this < 3{UNKNOWN}"),
]
LOOSER = [  # kind, shape, rules before, rules after
    ("int32", "plain", "int32 {gte: 2}", "int32 {gte: 1}"),
    ("int32", "plain", "int32 {gte: 1}", "int32 {gt: 0}"),
    ("int32", "plain", "int32 {gt: 0}", "int32 {gte: 1}"),
    ("int32", "plain", "int32 {gte: 1, lte: 5}", "int32 {gt: 0}"),
    ("int32", "plain", "int32 {gte: 1, lte: 5}", "int32 {gt: 0, lt: -1}"),
    ("int32", "plain", "int32 {gt: 5, lt: 2}", "int32 {gt: 4, lt: 2}"),
    ("int32", "plain", "int32 {gte: 1, lte: 3}", "int32 {in: [1, 2, 3, 4]}"),
    ("int32", "plain", "int32 {const: 3}", "int32 {in: [2, 3]}"),
    ("int32", "plain", "int32 {in: [2, 3]}", "int32 {gt: 1}"),
    ("int32", "plain", "int32 {gt: 1}", "int32 {gt: 1, not_in: [1]}"),
    ("int32", "plain", "", "int32 {lte: 2147483647}"),
    ("int32", "plain", "", "int32 {gte: 3, lte: 2}"),
    ("uint32", "plain", "required: true", "uint32 {gte: 1}"),
    ("uint32", "plain", "uint32 {gte: 1}", "required: true"),
    ("string", "plain", "required: true", "string {min_len: 1}"),
    ("string", "plain", "string {min_len: 1}", "required: true"),
    ("string", "plain", "string {len: 3}", "string {min_len: 2, max_len: 3}"),
    ("string", "plain", "string {pattern: '^a*$'}", ""),
    ("string", "plain", "string {prefix: 'ab'}", "string {prefix: 'a'}"),
    ("string", "plain", "string {suffix: 'ab'}", "string {suffix: 'b'}"),
    ("string", "plain", "string {contains: 'aba'}", "string {contains: 'ba'}"),
    ("string", "plain", "string {not_contains: 'a'}", "string {not_contains: 'ab'}"),
    ("string", "plain", "string {in: ['a', 'b']}", "string {max_len: 1}"),
    ("string", "plain", "string {max_len: 2}", "string {max_len: 2, email: false, example: 'a'}"),
    ("string", "optional", "required: true string {min_len: 2}", "string {min_len: 2}"),
    ("string", "optional", "required: true string {min_len: 2}", "ignore: IGNORE_ALWAYS required: true"),
    ("bool", "plain", "required: true", "bool {const: true}"),
    ("float", "plain", "float {gte: 0, finite: true}", "float {gte: -1}"),
    ("enum", "plain", "enum {in: [1, 2]}", "enum {defined_only: true}"),
    ("enum", "optional", "enum {defined_only: true}", "enum {in: [0, 1, 2, 7]}"),
    ("enum", "values", "map {values {enum {in: [1, 2]}}}", "map {values {enum {defined_only: true}}}"),
    (
        *("string", "plain", "string {well_known_regex: KNOWN_REGEX_HTTP_HEADER_NAME}"),
        "string {well_known_regex: KNOWN_REGEX_HTTP_HEADER_NAME strict: false}",
    ),
    ("int32", "items", "repeated {min_items: 1 unique: true items {int32 {gt: 2}}}", "repeated {items {int32 {gt: 1}}}"),
    ("int32", "items", "repeated {items {int32 {gt: 1}}}", "repeated {items {int32 {gt: 1} ignore: IGNORE_IF_ZERO_VALUE}}"),
    ("int32", "values", "map {values {int32 {gt: 0}}}", "map {values {int32 {not_in: [0]}}}"),
    ("timestamp", "plain", "timestamp {gt {seconds: 1}}", "timestamp {gte {seconds: 1 nanos: 1}}"),
    ("timestamp", "plain", "timestamp {within {seconds: 9}}", "timestamp {within {seconds: 10}}"),
    ("field_mask", "plain", "field_mask {not_in: ['a', 'b']}", "field_mask {not_in: ['a']}"),
    ("int32", "plain", "cel {id: 'x' expression: 'this < 3'}", "cel {id: 'y' message: 'no' expression: 'this < 3'}"),
]


@pytest.mark.parametrize(("kind", "shape", "before", "after", "said"), TIGHTER)
def test_a_tightened_constraint_is_named_with_both_values(kind: str, shape: str, before: str, after: str, said: str) -> None:
    released, current = (a_contract(a_message(kind, shape, rules(text))) for text in (before, after))
    found = tightened(released, current)
    assert any(said in line for line in found), found
    assert newly_refused(released, current, kind, shape), "protovalidate agrees"


@pytest.mark.parametrize(("kind", "shape", "before", "after"), LOOSER)
def test_a_loosened_or_reworded_constraint_is_fine(kind: str, shape: str, before: str, after: str) -> None:
    released, current = (a_contract(a_message(kind, shape, rules(text))) for text in (before, after))
    assert tightened(released, current) == []
    assert not newly_refused(released, current, kind, shape), "protovalidate agrees"


def newly_refused(released: FileDescriptorSet, current: FileDescriptorSet, kind: str, shape: str, name: str = "M") -> list[str]:
    was, now = Judge(released), Judge(current)
    return [
        str(was.message(name, payload))
        for payload in samples(was, kind, shape, name)
        if was.accepts(name, payload) and not now.accepts(name, payload)
    ]


SMALL = st.integers(0, 4)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "TYPE_FLOAT": st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, math.inf, math.nan]),
    "TYPE_DOUBLE": st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, -math.inf, math.nan]),
    "TYPE_BOOL": st.booleans(),
    "TYPE_STRING": st.sampled_from(["", "a", "b", "ab", "ba", "^a*$", "ß"]),
    "TYPE_BYTES": st.sampled_from([b"", b"a", b"ab", "ß".encode()]),
    "TYPE_ENUM": st.sampled_from([0, 1, 2]),
    **dict.fromkeys(["TYPE_UINT32", "TYPE_UINT64", "TYPE_FIXED32", "TYPE_FIXED64"], SMALL),
    **dict.fromkeys(["TYPE_INT32", "TYPE_INT64", "TYPE_SINT32", "TYPE_SINT64"], st.integers(-2, 5)),
    **dict.fromkeys(["TYPE_SFIXED32", "TYPE_SFIXED64"], st.integers(-2, 5)),
}
MESSAGE_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Timestamp": st.builds(timestamp_pb2.Timestamp, seconds=st.integers(-1, 3), nanos=st.integers(0, 1)),
    "Duration": st.builds(duration_pb2.Duration, seconds=st.integers(-1, 3) | st.just(3_000_000_000)),
    "FieldMask": st.builds(field_mask_pb2.FieldMask, paths=st.lists(st.sampled_from("ab"), max_size=2)),
}


def set_one(draw: st.DrawFn, message: Message, names: list[str]) -> None:
    """Set one of these rules to something, or clear it."""
    field = message.DESCRIPTOR.fields_by_name[draw(st.sampled_from(names))]
    message.ClearField(field.name)
    if draw(st.integers(0, 4)) == 0:
        return
    types = FieldDescriptorProto.Type
    values = MESSAGE_VALUES[field.message_type.name] if field.message_type else VALUES[types.Name(types.ValueType(field.type))]
    if field.is_repeated:
        getattr(message, field.name).extend(draw(st.lists(values, max_size=3)))
    elif field.message_type:
        getattr(message, field.name).CopyFrom(draw(values))
    else:
        setattr(message, field.name, draw(values))


def element_rules(field_rules: validate_pb2.FieldRules, shape: str) -> validate_pb2.FieldRules:
    if shape == "items":
        return field_rules.repeated.items
    return field_rules.map.keys if shape == "keys" else field_rules.map.values if shape == "values" else field_rules


def mutate(draw: st.DrawFn, field_rules: validate_pb2.FieldRules, kind: str, shape: str) -> None:
    """Change one rule of the field, of its elements, or of its container."""
    inner = element_rules(field_rules, shape)
    where = draw(st.sampled_from(["value", "value", "value", "field", "element"]))
    if where == "value":
        of_kind = getattr(inner, kind)
        set_one(draw, of_kind, [field.name for field in of_kind.DESCRIPTOR.fields if field.name != "example"])
    elif where == "element" and inner is not field_rules:
        container = field_rules.repeated if shape == "items" else field_rules.map
        set_one(draw, container, [field.name for field in container.DESCRIPTOR.fields if not field.message_type])
    else:
        target = inner if where == "element" else field_rules
        name = draw(st.sampled_from(["required", "ignore", "cel_expression"]))
        target.ClearField(name)
        if name == "required":
            target.required = draw(st.booleans())
        elif name == "ignore":
            target.ignore = draw(st.sampled_from([validate_pb2.IGNORE_IF_ZERO_VALUE, validate_pb2.IGNORE_ALWAYS]))
        elif inner is field_rules and kind == "int32":
            target.cel_expression.append(draw(st.sampled_from(["this > 1", "this < 3", "true"])))


Change = tuple[str, str, validate_pb2.FieldRules, validate_pb2.FieldRules]


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """Answer the kind and shape of a field, its rules, and these with one of them changed."""
    kind, shape = draw(st.sampled_from(SHAPES))
    before, after = validate_pb2.FieldRules(), validate_pb2.FieldRules()
    for _ in range(draw(st.integers(0, 3))):
        mutate(draw, before, kind, shape)
    after.CopyFrom(before)
    mutate(draw, after, kind, shape)
    return kind, shape, before, after


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(changes(), min_size=1, max_size=8), st.sampled_from([(0, 1, 2), (0, 1), (0, 1, 2, 3)]))
def test_what_was_accepted_and_is_refused_is_always_found(changed: list[Change], numbers: tuple[int, ...]) -> None:
    released = a_contract(*(a_message(kind, shape, rules, f"M{n}") for n, (kind, shape, rules, _) in enumerate(changed)))
    current = a_contract(
        *(a_message(kind, shape, rules, f"M{n}") for n, (kind, shape, _, rules) in enumerate(changed)), numbers=numbers
    )
    found = tightened(released, current)
    for n, (kind, shape, *_) in enumerate(changed):
        refused = newly_refused(released, current, kind, shape, f"M{n}")
        assert not refused or any(line.startswith(f"p.M{n}.f") for line in found), refused
    assert tightened(current, current) == []


NAMES = "abcd"


@st.composite
def oneof_rules(draw: st.DrawFn) -> validate_pb2.MessageRules:
    found = validate_pb2.MessageRules()
    for _ in range(draw(st.integers(0, 2))):
        fields = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
        found.oneof.add(fields=fields, required=draw(st.booleans()))
    return found


def with_message_rules(found: validate_pb2.MessageRules) -> FileDescriptorSet:
    """Make a message of the texts a, b, c and d, a of which must not be empty."""
    message = DescriptorProto(name="M", field=[a_field(name, "string", n) for n, name in enumerate(NAMES, 1)])
    message.field[0].options.Extensions[FIELD].string.min_len = 1
    message.options.Extensions[MESSAGE].CopyFrom(found)
    return a_contract(message)


@settings(max_examples=EXAMPLES, deadline=None)
@given(oneof_rules(), oneof_rules())
def test_fields_that_could_be_set_together_and_may_not_are_always_found(
    before: validate_pb2.MessageRules, after: validate_pb2.MessageRules
) -> None:
    released, current = with_message_rules(before), with_message_rules(after)
    was, now = Judge(released), Judge(current)
    together = [{name: "x" for n, name in enumerate(NAMES) if chosen >> n & 1} for chosen in range(2 ** len(NAMES))]
    payloads = [type(was.message("M"))(**fields).SerializeToString() for fields in together]
    refused = [payload for payload in payloads if was.accepts("M", payload) and not now.accepts("M", payload)]
    assert tightened(released, current) or not refused, refused
    assert tightened(current, current) == []


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        ("", "oneof {fields: ['b', 'c']}", 1),
        ("oneof {fields: ['b', 'c', 'd']}", "oneof {fields: ['b', 'c']}", 0),
        ("oneof {fields: ['b', 'c']}", "oneof {fields: ['b', 'c'] required: true}", 1),
        ("oneof {fields: ['b', 'c'] required: true}", "oneof {fields: ['b', 'c']}", 0),
        ("oneof {fields: ['b', 'c'] required: true}", "oneof {fields: ['b', 'c', 'new'] required: true}", 0),
        ("oneof {fields: ['b', 'c', 'd'] required: true}", "oneof {fields: ['b', 'c'] required: true}", 1),
        ("", "oneof {fields: ['b', 'new']}", 0),
        ("", "cel {id: 'm' expression: 'this.b != this.c'}", 1),
        ("cel {id: 'm' expression: 'this.b != this.c'}", "", 0),
        ("", "cel {id: 'm' expression: 'this.b >'}", 2),  # and cannot be applied
    ],
)
def test_rules_of_a_message_are_compared(before: str, after: str, count: int) -> None:
    released, current = with_message_rules(message_rules(before)), with_message_rules(message_rules(after))
    current.file[-1].message_type[0].field.append(a_field("new", "string", 9))
    found = tightened(released, current)
    assert len(found) == count, found
    assert all(line.startswith("p.M: ") for line in found)


@pytest.mark.parametrize(
    ("kind", "shape", "text", "refused"),
    [
        ("string", "plain", "", False),
        ("string", "plain", "string {max_len: 1}", False),
        ("string", "plain", "string {min_len: 1}", True),
        ("string", "optional", "string {min_len: 1}", False),
        ("string", "optional", "required: true", True),
        ("int32", "plain", "int32 {gt: 0}", True),
        ("int32", "plain", "int32 {gt: 0} ignore: IGNORE_IF_ZERO_VALUE", False),
        ("int32", "items", "repeated {min_items: 1}", True),
        ("int32", "items", "repeated {items {int32 {gt: 0}}}", False),
        ("timestamp", "plain", "timestamp {gt_now: true}", False),
        ("timestamp", "plain", "required: true", True),
        ("Inner", "plain", "", False),
    ],
)
def test_a_new_field_must_do_with_being_absent(kind: str, shape: str, text: str, *, refused: bool) -> None:
    released = a_contract(DescriptorProto(name="M"))
    current = a_contract(a_message(kind, shape, rules(text)))
    found = tightened(released, current)
    assert [line.split(":")[0] for line in found] == (["p.M.f"] if refused else [])
    assert Judge(current).accepts("M", b"") is not refused


def test_a_new_message_may_have_any_constraint() -> None:
    assert tightened(a_contract(), a_contract(a_message("string", "plain", rules("required: true")))) == []


def test_an_enum_that_loses_a_value_refuses_it_where_only_defined_ones_may_be() -> None:
    message = a_message("enum", "plain", rules("enum {defined_only: true}"))
    found = tightened(a_contract(message), a_contract(message, numbers=(0, 1)))
    assert found == ["p.M.f: enum: defined_only True -> defined_only True"]
    assert tightened(a_contract(message, numbers=(0, 1)), a_contract(message)) == []


def test_rules_inside_a_message_apply_when_it_is_not_ignored_any_more() -> None:
    released = a_contract(a_message("Inner", "plain", rules("ignore: IGNORE_ALWAYS")))
    current = a_contract(a_message("Inner", "plain", rules("")))
    (line,) = tightened(released, current)
    assert line == "p.M.f: what it holds was not judged and is: {ignore: IGNORE_ALWAYS} -> no rules"


def test_a_field_that_loses_its_presence_under_rules_is_named() -> None:
    released, current = (
        a_contract(a_message("string", shape, rules("string {min_len: 1}"))) for shape in ("optional", "plain")
    )
    assert [line.split(":")[0] for line in tightened(released, current)] == ["p.M.f", "p.M.f"]
    assert not Judge(current).accepts("M", b"")


def test_a_oneof_that_must_be_set_is_named() -> None:
    messages = []
    for required in (False, True):
        message = DescriptorProto(name="M", field=[a_field("a", "string"), a_field("b", "string", 2)])
        message.oneof_decl.add(name="choice")
        for field in message.field:
            field.oneof_index = 0
        message.oneof_decl[0].options.Extensions[ONEOF].required = required
        messages.append(message)
    free, bound = map(a_contract, messages)
    assert tightened(free, bound) == ["p.M.choice: {required: false} -> {required: true}"]
    assert tightened(bound, free) == []


def with_own_rule(expression: str | None) -> FileDescriptorSet:
    """Make a contract with a rule of its own, an extension of the rules of texts, in use if it has an expression."""
    message = a_message("string", "plain", rules(""))
    if expression:
        inner = b"\x80\x71\x01"  # field 1808: true
        string_rules = b"\x72" + bytes([len(inner)]) + inner  # field 14
        message.field[0].options.MergeFromString(b"\xba\x48" + bytes([len(string_rules)]) + string_rules)  # field 1159
    image = a_contract(message)
    using = image.file.pop()
    file = image.file.add(name="own.proto", package="p", syntax="proto2", dependency=["buf/validate/validate.proto"])
    using.dependency.append(file.name)
    image.file.append(using)
    own = file.extension.add(name="quiet", number=1808, extendee=".buf.validate.StringRules")
    own.type, own.label = own.TYPE_BOOL, own.LABEL_OPTIONAL
    predefined: Any = validate_pb2.predefined
    own.options.Extensions[predefined].cel.add(id="quiet", expression=expression or "true")
    return image


def test_a_rule_of_the_contracts_own_is_compared_with_its_expression() -> None:
    judge = Judge(with_own_rule("this != 'a'"))
    assert [judge.accepts("M", text) for text in (b"\x0a\x01a", b"\x0a\x01b")] == [False, True], "protovalidate applies it"
    assert tightened(with_own_rule("this != 'a'"), with_own_rule("this != 'a'")) == []
    assert tightened(with_own_rule("this != 'a'"), with_own_rule(None)) == []
    for before in (None, "this != 'b'"):
        (line,) = tightened(with_own_rule(before), with_own_rule("this != 'a'"))
        assert line.startswith("p.M.f: string: "), line
        assert "p.quiet True" in line.partition(" -> ")[2]
        assert line.endswith(UNKNOWN)


def test_files_that_are_missing_are_an_error_and_no_silence() -> None:
    whole = a_contract(a_message("int32", "plain", rules("int32 {gt: 1}")))
    part = FileDescriptorSet(file=[file for file in whole.file if "validate" not in file.name])
    with pytest.raises(ValueError, match="no complete set of files"):
        tightened(part, whole)


def todays_contract() -> FileDescriptorSet:
    return FileDescriptorSet.FromString(RELEASED.read_bytes())


def test_a_line_less_in_an_order_is_found_in_the_real_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = todays_contract()
    for file in image.file:
        for message in file.message_type:
            for field in message.field:
                if (message.name, field.name) == ("OrderPlaced", "lines"):
                    assert field.options.Extensions[FIELD].repeated.max_items == 2_000
                    field.options.Extensions[FIELD].repeated.max_items = 1_999
    (tmp_path / "now.binpb").write_bytes(image.SerializeToString())
    said = "stock.allocation.v1.OrderPlaced.lines: repeated: min_items 1, max_items 2000 -> min_items 1, max_items 1999"
    assert command_says(monkeypatch, str(tmp_path / "now.binpb"), "--against", str(RELEASED)) == f"tightened: {said}"
    assert command_says(monkeypatch, str(RELEASED), "--against", str(tmp_path / "now.binpb")) == 0
    (tmp_path / "now.binpb").write_bytes(b"no image")
    assert command_says(monkeypatch, str(tmp_path / "now.binpb"), "--against", str(RELEASED)) == 2
    assert "now.binpb is no image of a contract" in capsys.readouterr().err


def command_says(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str | int | None:
    monkeypatch.setattr(sys, "argv", ["constraints", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code
