"""Whatever is changed: what protovalidate accepted and now refuses is always found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from buf.validate import validate_pb2
from google.protobuf import duration_pb2, field_mask_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.made_contracts import (
    NAMES,
    SHAPES,
    Judge,
    a_contract,
    a_message,
    newly_refused,
    with_message_rules,
)
from tools.constraints import tightened

if TYPE_CHECKING:
    from google.protobuf.message import Message

EXAMPLES = 40

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


@st.composite
def oneof_rules(draw: st.DrawFn) -> validate_pb2.MessageRules:
    found = validate_pb2.MessageRules()
    for _ in range(draw(st.integers(0, 2))):
        fields = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
        found.oneof.add(fields=fields, required=draw(st.booleans()))
    return found


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
