"""Whether a message keeps the contract: the constraints of the protos going in, a check of our own going out."""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import protovalidate
from buf.validate import validate_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

Found = TypeVar("Found")
IDENTIFIER_CHARACTERS_MAX = 128
VIOLATIONS_NAMED_MAX = 100
"""A message of some kB can break constraints thousands of times: to name them all would take longer than to carry it out."""
_VALUE_CHARACTERS_MAX = 80
_PLAIN_WORDS = {"string.pattern": "must have no control characters", "required": "must be present"}
_validator = protovalidate.Validator()


@dataclass(frozen=True, slots=True)
class Violation:
    """A field that breaks a constraint, and how: with its value and the limit."""

    field: str
    description: str

    def __str__(self) -> str:
        return f"{self.field}: {self.description}"


class MalformedError(Exception):
    """A message breaks the contract; the violations are named, and where they are very many, counted."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(str(violation) for violation in self.violations))


def violations_of(message: Message) -> list[Violation]:
    """Check the constraints that the protos state.

    Raises:
        MalformedError: a list is longer than it may be; what is in it was not looked at.

    """
    for name, limit in _items_max(message.DESCRIPTOR):
        if (count := len(getattr(message, name))) > limit:
            raise MalformedError([Violation(name, f"must contain no more than {limit} item(s), is {count} items")])
    return first_named(_validator.collect_violations(message), _plain)


def first_named(found: Sequence[Found], named: Callable[[Found], Violation]) -> list[Violation]:
    """Name the first violations, and count them if there are many more."""
    violations = [named(one) for one in islice(found, VIOLATIONS_NAMED_MAX)]
    if len(found) > VIOLATIONS_NAMED_MAX:
        violations.append(Violation("message", f"{len(found)} violations, of which the first {VIOLATIONS_NAMED_MAX} are named"))
    return violations


def check(message: Message) -> None:
    """Accept a message that keeps the constraints of the protos.

    Raises:
        MalformedError: naming each field that does not.

    """
    if violations := violations_of(message):
        raise MalformedError(violations)


def check_outgoing(message: Message) -> None:
    """Refuse to let a bug of ours become somebody else's bad input.

    Raises:
        AssertionError: an identifier or a count of an outgoing event is missing or out of range.

    """
    optional = _OPTIONAL_WHEN_REJECTED if message.DESCRIPTOR.name == "Rejected" else frozenset()
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.type == field.TYPE_STRING and field.name not in _FREE_TEXTS:
            valid = (value or field.name in optional) and is_identifier_text(value)
        elif field.name == "purchased_quantity":
            valid = value >= 0
        elif field.type in (field.TYPE_INT32, field.TYPE_INT64, field.TYPE_ENUM):
            valid = value > 0
        else:
            continue
        if not valid:
            raise AssertionError(f"outgoing {message.DESCRIPTOR.full_name} has {field.name} {value!r}")


_FREE_TEXTS = frozenset({"detail", "message_type", "message_source", "message_id"})
_OPTIONAL_WHEN_REJECTED = frozenset({"batch_reference", "order_id", "line_id"})


def is_identifier_text(text: str) -> bool:
    """Whether a text is no longer than an identifier may be, and has no control characters."""
    return len(text) <= IDENTIFIER_CHARACTERS_MAX and has_no_control_characters(text)


def has_no_control_characters(text: str) -> bool:
    """Whether no character is of Unicode's category Cc."""
    return text.isprintable() or all(unicodedata.category(character) != "Cc" for character in text)


def shown(value: object) -> str:
    """Show a value in an error: cut where it is long."""
    text = repr(value)
    if len(text) <= _VALUE_CHARACTERS_MAX:
        return text
    length = f"{len(value)} characters" if isinstance(value, str) else f"{len(text)} characters"
    return f"{text[:_VALUE_CHARACTERS_MAX]}… ({length})"


@functools.cache
def _items_max(descriptor: Descriptor) -> tuple[tuple[str, int], ...]:
    extension: Any = validate_pb2.field
    rules = ((field.name, field.GetOptions().Extensions[extension].repeated) for field in descriptor.fields)
    return tuple((name, repeated.max_items) for name, repeated in rules if repeated.HasField("max_items"))


def _plain(violation: protovalidate.Violation) -> Violation:
    rule = violation.proto.rule_id
    said = _PLAIN_WORDS.get(rule, violation.proto.message)
    description = said if rule == "required" else f"{said}, is {_given(violation)}"
    return Violation(_path(violation), description)


def _given(violation: protovalidate.Violation) -> str:
    if violation.proto.rule_id.startswith("repeated."):
        return f"{len(violation.field_value)} items"
    return shown(violation.field_value)


def _path(violation: protovalidate.Violation) -> str:
    path = ""
    for element in violation.proto.field.elements if violation.proto.field else ():
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript is not None:
            path += f"[{element.subscript.value}]"
    return path
