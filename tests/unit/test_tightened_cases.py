"""Constraints of messages and oneofs, new fields, presence, rules of one's own, and the command on the real contract."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet

from tests.unit.made_contracts import (
    FIELD,
    Judge,
    a_contract,
    a_field,
    a_message,
    message_rules,
    rules,
    with_message_rules,
)
from tools.constraint_rules import UNKNOWN
from tools.constraints import main, tightened

RELEASED = Path(__file__).resolve().parents[2] / "protos" / "released.binpb"
ONEOF: Any = validate_pb2.oneof


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
