"""Names each constraint that refuses what the released contract accepted: python -m tools.constraints IMAGE --against IMAGE.

`buf breaking` does not see this. What is absent or zero is judged by protovalidate itself, every other value by the rules.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError, Message

from tools.constraint_image import ContractImage, named
from tools.constraint_rules import UNKNOWN, different, tightened_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

    from tools.constraint_spans import Rules

_NO_VALUE_RULES = frozenset({"cel", "cel_expression", "required", "ignore"})
_IGNORE_ALWAYS = 3


def tightened(released: FileDescriptorSet, current: FileDescriptorSet) -> list[str]:
    """Name each field, oneof or message whose constraints refuse what they accepted, with the rules before and after.

    Raises:
        ValueError: a set cannot be read, for example because a file that another imports is missing.

    """
    comparison = _Comparison(ContractImage(released), ContractImage(current))
    return [line for name in sorted(comparison.names) for line in comparison.of_message(name)]


class _Comparison:
    def __init__(self, was: ContractImage, now: ContractImage) -> None:
        self._was, self._now = was, now
        self.names = was.messages.keys() & now.messages.keys()

    def of_message(self, name: str) -> Iterator[str]:
        old, new = self._was.messages[name], self._now.messages[name]
        before, after = self._was.absent_refused(old), self._now.absent_refused(new)
        if isinstance(after, str) and after != before:
            yield f"{name}: its constraints cannot be applied: {after}"
        old_rules, new_rules = self._was.rules(old, "message"), self._now.rules(new, "message")
        yield from _expressions(name, old_rules, new_rules)
        yield from _exclusive_fields(name, frozenset(old.fields_by_name), old_rules, new_rules)
        yield from _unknown(name, named(old_rules), named(new_rules), {"cel", "cel_expression", "oneof"})
        yield from self._of_oneofs(old, new)
        for field in new.fields:
            old_field = old.fields_by_number.get(field.number)
            accepted = old_field is None or isinstance(before, str) or old_field.name not in before
            if accepted and not isinstance(after, str) and field.name in after:
                rules = self._was.rules(old_field, "field"), self._now.rules(field, "field")
                yield f"{field.full_name}: absent was accepted and is refused: {_text(rules[0])} -> {_text(rules[1])}"
            if old_field is not None:  # nobody has ever set a new one
                yield from self._of_field(old_field, field)

    def _of_oneofs(self, old: Descriptor, new: Descriptor) -> Iterator[str]:
        for oneof in new.oneofs:
            place, rules = f"{new.full_name}.{oneof.name}", self._now.rules(oneof, "oneof")
            old_rules = self._was.rules(old.oneofs_by_name.get(oneof.name), "oneof")
            if named(rules).get("required") and not named(old_rules).get("required"):
                yield f"{place}: {_text(old_rules)} -> {_text(rules)}"
            yield from _unknown(place, named(old_rules), named(rules), {"required"})

    def _of_field(self, old: FieldDescriptor, new: FieldDescriptor) -> Iterator[str]:
        place, old_rules, rules = new.full_name, self._was.rules(old, "field"), self._now.rules(new, "field")
        if old.has_presence != new.has_presence and (old_rules or rules):
            yield f"{place}: has presence {old.has_presence} -> {new.has_presence}{UNKNOWN}"
        yield from self._of_values(place, old_rules, rules, (old, new), judge_zero=new.has_presence)
        if new.is_repeated and old.is_repeated:
            for element in sorted(self._now.zero_elements_refused(new) - self._was.zero_elements_refused(old)):
                yield f"{place}.{element}: zero was accepted and is refused: {_text(old_rules)} -> {_text(rules)}"

    def _of_values(
        self,
        place: str,
        old_rules: Message | None,
        rules: Message | None,
        fields: tuple[FieldDescriptor, FieldDescriptor],
        *,
        judge_zero: bool,
    ) -> Iterator[str]:
        before, after = named(old_rules), named(rules)
        if after.get("ignore") == _IGNORE_ALWAYS:
            return
        if before.get("ignore") == _IGNORE_ALWAYS:
            if fields[1].message_type is not None and self._now.has_rules(fields[1].message_type):
                yield f"{place}: what it holds was not judged and is: {_text(old_rules)} -> {_text(rules)}"
            old_rules, before = None, {}
        yield from _expressions(place, old_rules, rules)
        numbers = [_numbers(_enum(field)) for field in fields]
        for kind in sorted((before.keys() | after.keys()) - _NO_VALUE_RULES):
            if not isinstance(after.get(kind, before.get(kind)), Message):
                yield from _unknown(place, before, after, (before.keys() | after.keys()) - {kind})
                continue
            old_values, values = named(before.get(kind)), named(after.get(kind))
            for names, note in tightened_rules(
                kind, old_values, values, was_numbers=numbers[0], now_numbers=numbers[1], judge_zero=judge_zero
            ):
                yield f"{place}: {kind}: {_shown(old_values, names)} -> {_shown(values, names)}{note}"
            for element in {"items", "keys", "values"} & (old_values.keys() | values.keys()):
                inner = [_element(field, element) for field in fields]
                yield from self._of_values(
                    f"{place}.{element}",
                    old_values.get(element),
                    values.get(element),
                    (inner[0], inner[1]),
                    judge_zero=False,
                )


def _expressions(place: str, old_rules: Message | None, rules: Message | None) -> Iterator[str]:
    def by_id(named: dict[str, Any]) -> dict[str, str]:
        return {text: text for text in named.get("cel_expression", ())} | {
            rule.id: rule.expression for rule in named.get("cel", ())
        }

    before, after = by_id(named(old_rules)), by_id(named(rules))
    for name, expression in after.items():
        if expression not in before.values():
            yield f"{place}: cel: {before.get(name, 'none')} -> {expression}{UNKNOWN}"


def _exclusive_fields(place: str, old_names: frozenset[str], old_rules: Message | None, rules: Message | None) -> Iterator[str]:
    """Compare the oneof rules of a message; a field that it did not have was never set beside another."""
    before = [(frozenset(rule.fields), rule.required) for rule in named(old_rules).get("oneof", ())]
    for rule in named(rules).get("oneof", ()):
        fields = frozenset(rule.fields) & old_names
        implied = (not rule.required and len(fields) <= 1) or any(
            fields == old_fields if rule.required and required else fields <= old_fields and not rule.required
            for old_fields, required in before
        )
        if not implied:
            yield f"{place}: oneof: {_text(old_rules)} -> {_text(rules)}"


def _unknown(place: str, before: dict[str, Any], after: dict[str, Any], known: Iterable[str]) -> Iterator[str]:
    for name in sorted(after.keys() - set(known)):
        if different(before, after, (name,)):
            yield f"{place}: {_shown(before, (name,))} -> {_shown(after, (name,))}{UNKNOWN}"


def _element(field: FieldDescriptor, element: str) -> FieldDescriptor:
    entry = field.message_type
    return field if entry is None or not entry.GetOptions().map_entry else entry.fields_by_name[element.removesuffix("s")]


def _enum(field: FieldDescriptor) -> EnumDescriptor | None:
    return _element(field, "values").enum_type


def _numbers(enum: EnumDescriptor | None) -> frozenset[int]:
    return frozenset(value.number for value in enum.values) if enum else frozenset()


def _shown(rules: Rules, names: Iterable[str]) -> str:
    return ", ".join(f"{name} {_value(rules[name])}" for name in names if name in rules) or "none"


def _value(value: Any) -> str:  # noqa: ANN401 - what a rule holds
    if isinstance(value, Message):
        return _text(value)
    if isinstance(value, (str, bytes, int, float)):
        return str(value) if isinstance(value, (str, bool)) else repr(value)
    return f"[{', '.join(map(_value, value))}]"


def _text(rules: Message | None) -> str:
    return f"{{{text_format.MessageToString(rules, as_one_line=True)}}}" if rules else "no rules"


def _image(path: str) -> FileDescriptorSet:
    try:
        return FileDescriptorSet.FromString(Path(path).read_bytes())
    except (OSError, DecodeError) as error:
        raise ValueError(f"{path} is no image of a contract: {error}") from error


def main() -> None:
    """Compare two images, as `buf build --output` writes them; the exit code is 1 if a constraint was tightened."""
    parser = argparse.ArgumentParser(prog="python -m tools.constraints", description=__doc__)
    parser.add_argument("image", help="the contract as it is now")
    parser.add_argument("--against", required=True, help="the contract as it was released")
    arguments = parser.parse_args()
    try:
        found = tightened(_image(arguments.against), _image(arguments.image))
    except ValueError as error:
        parser.error(str(error))
    sys.exit("\n".join(f"tightened: {line}" for line in found) or 0)


if __name__ == "__main__":
    main()
