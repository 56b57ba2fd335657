"""Constraints of the contract in words, from their annotations; what there are no words for is an error, not left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.contract import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from tools.contract import Field

_PATTERNS = {r"^\P{Cc}*$": "no control characters"}
_INTEGERS = ("int32", "int64", "uint32", "uint64")


def constraints_in_words(field: Field) -> str:
    """Say what a value must be like; empty if everything will do.

    Raises:
        ContractError: a constraint that there are no words for.

    """
    words = []
    for descriptor, rules in field.rules.ListFields():
        if descriptor.name not in _WORDS:
            raise ContractError(f"{field.name}: there are no words for the constraint {descriptor.full_name}")
        words += _WORDS[descriptor.name](rules)
    return ", ".join(words)


def _of_required(required: bool) -> list[str]:  # noqa: FBT001 - the value of the annotation
    return ["must be present"] if required else []


def _of_string(rules: Message) -> list[str]:
    values = _taken(rules, "min_len", "max_len", "pattern")
    words = _range(values.get("min_len"), values.get("max_len"), "characters")
    if (pattern := values.get("pattern")) is not None:
        words.append(_PATTERNS.get(pattern, f"matches `{pattern}`"))
    return words


def _of_integer(rules: Message) -> list[str]:
    values = _taken(rules, "gte", "lte")
    return _range(values.get("gte"), values.get("lte"))


def _of_repeated(rules: Message) -> list[str]:
    values = _taken(rules, "min_items", "max_items")
    return _range(values.get("min_items"), values.get("max_items"), "items")


def _taken(rules: Message, *known: str) -> dict[str, Any]:
    values = {descriptor.name: value for descriptor, value in rules.ListFields()}
    if unknown := values.keys() - set(known):
        raise ContractError(f"there are no words for the constraints {', '.join(sorted(unknown))} of {rules.DESCRIPTOR.name}")
    return values


def _range(least: int | None, most: int | None, unit: str = "") -> list[str]:
    if least is None and most is None:
        return []
    if least is None:
        words = f"at most {most:,}"
    elif most is None:
        words = f"at least {least:,}"
    else:
        words = f"{least:,} to {most:,}"
    return [f"{words} {unit}".strip()]


_WORDS: dict[str, Callable[[Any], list[str]]] = {
    "required": _of_required,
    "string": _of_string,
    "repeated": _of_repeated,
    **dict.fromkeys(_INTEGERS, _of_integer),
}
