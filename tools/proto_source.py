"""Prints a message as proto source that stands alone: with what it uses of ours, its comments and its constraints."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from google.protobuf import text_format

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.contract import Contract, Enum, Field, Message

_LINE_CHARACTERS_MAX = 100
_VALIDATE = "buf/validate/validate.proto"
_KNOWN_FILES = {"google.protobuf.Timestamp": "google/protobuf/timestamp.proto"}
# AsyncAPI's converter would else show the bounds of each integer type, of int64 rounded.
_CONVERTER_OPTION = "// @Option primitiveTypesWithLimits false"
# What it goes by for a field that has to be present, next to the constraint that says so.
_CONVERTER_REQUIRED = "@Required"


def proto_source(contract: Contract, message: Message) -> str:
    """Print a message and what it needs, so that a compiler, or AsyncAPI's converter, can read it on its own.

    The option with the subject, and when it is sent, are left out: the document says both in its own place. A field whose
    type is a message is printed as `optional`, which is what it is: else AsyncAPI's converter takes it for required.
    """
    messages, enums = _closure(contract, message)
    types = {field.type for one in messages for field in one.fields}
    imports = [path for full_name, path in _KNOWN_FILES.items() if full_name in types]
    if any(field.rules.ListFields() for one in messages for field in one.fields):
        imports.insert(0, _VALIDATE)
    package = message.full_name.rpartition(".")[0]
    lines = [_CONVERTER_OPTION, 'syntax = "proto3";', "", f"package {package};", ""]
    if imports:
        lines += [*(f'import "{path}";' for path in imports), ""]
    for one in messages:
        lines += [*_message(one, package), ""]
    for enum in enums:
        lines += [*_enum(enum), ""]
    return "\n".join(lines)


def _closure(contract: Contract, message: Message) -> tuple[list[Message], list[Enum]]:
    messages, enums = [message], []
    for one in messages:
        for field in one.fields:
            if (part := contract.messages.get(field.type)) is not None and part not in messages:
                messages.append(part)
            if (enum := contract.enums.get(field.type)) is not None and enum not in enums:
                enums.append(enum)
    return messages, enums


def _message(message: Message, package: str) -> Iterator[str]:
    yield from _comment(message.summary, "")
    yield f"message {message.name} {{"
    for field in message.fields:
        yield from _comment(field.comment, "  ")
        if field.rules.required:
            yield f"  // {_CONVERTER_REQUIRED}"
        yield f"  {_field(field, package)}"
    yield "}"


def _field(field: Field, package: str) -> str:
    word = "repeated " if field.repeated else "optional " if field.optional or field.is_message else ""
    rules = [
        f"(buf.validate.field).{text}"
        for text in (_rule(descriptor.name, value) for descriptor, value in field.rules.ListFields())
    ]
    constraints = f" [{', '.join(rules)}]" if rules else ""
    return f"{word}{field.type.removeprefix(f'{package}.')} {field.name} = {field.number}{constraints};"


def _rule(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"{name} = {str(value).lower()}"
    return f"{name} = {{{text_format.MessageToString(value, as_one_line=True)}}}"  # type: ignore[arg-type] # the others are messages


def _enum(enum: Enum) -> Iterator[str]:
    yield from _comment(enum.comment, "")
    yield f"enum {enum.full_name.rpartition('.')[2]} {{"
    for value in enum.values:
        yield from _comment(value.comment, "  ")
        yield f"  {value.name} = {value.number};"
    yield "}"


def _comment(text: str, indent: str) -> Iterator[str]:
    for index, paragraph in enumerate(text.split("\n\n")):
        if index:
            yield f"{indent}//"
        for line in wrap(paragraph, _LINE_CHARACTERS_MAX, break_long_words=False, break_on_hyphens=False):
            yield f"{indent}// {line}"
