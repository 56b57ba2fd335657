"""Accepted values as spans of ordinals, so that ranges and lengths of every type are compared in the same way."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Rules = Mapping[str, Any]  # the rules that are set, by name
    Span = tuple[float, float]  # the first and the last of the accepted ordinals

NAN = "nan"
RANGE = ("gt", "gte", "lt", "lte")


def _float_ordinal(value: float, code: str) -> int:
    bits = int.from_bytes(struct.pack(code, abs(value)), "big")
    return -bits if value < 0 else bits


_SIGNED_32, _SIGNED_64 = (-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1)
_UNSIGNED_32, _UNSIGNED_64 = (0, 2**32 - 1), (0, 2**64 - 1)
FLOATS = {"float": ">f", "double": ">d"}
LIMITS: dict[str, Span] = {
    **dict.fromkeys(("int32", "sint32", "sfixed32", "enum"), _SIGNED_32),
    **dict.fromkeys(("int64", "sint64", "sfixed64"), _SIGNED_64),
    **dict.fromkeys(("uint32", "fixed32"), _UNSIGNED_32),
    **dict.fromkeys(("uint64", "fixed64"), _UNSIGNED_64),
    **{kind: (-_float_ordinal(math.inf, code), _float_ordinal(math.inf, code)) for kind, code in FLOATS.items()},
    **dict.fromkeys(("timestamp", "duration"), (-math.inf, math.inf)),
    "bool": (0, 1),
}


def key(kind: str, value: Any) -> Any:  # noqa: ANN401 - what a rule holds
    """Make a value of a rule comparable: an ordinal where the type has an order, and NaN equal to itself."""
    if isinstance(value, float) and math.isnan(value):
        return NAN
    return ordinal(kind, value) if kind in LIMITS else plain(value)


def ordinal(kind: str, value: Any) -> int:  # noqa: ANN401 - a number, a Timestamp or a Duration
    """Number the values of a type in their order, with nothing between two neighbours."""
    if kind in FLOATS:
        return _float_ordinal(value, FLOATS[kind])
    if isinstance(value, Message):
        seconds, nanos = (getattr(value, name) for name in ("seconds", "nanos"))
        return int(seconds * 10**9 + nanos)
    return int(value)


def spans_of(kind: str, rules: Rules) -> list[Span]:
    """Answer what gt, gte, lt and lte let through."""
    keys = {name: key(kind, rules[name]) for name in RANGE if name in rules}
    bounds = {name: bound for name, bound in keys.items() if bound != NAN}
    lowest, highest = LIMITS[kind]
    low = bounds.get("gte", bounds.get("gt", lowest - 1) + 1)
    high = bounds.get("lte", bounds.get("lt", highest + 1) - 1)
    if bounds.get("lt", bounds.get("lte", math.inf)) < bounds.get("gt", bounds.get("gte", -math.inf)):
        spans = [(lowest, high), (low, highest)]  # inverted: protovalidate reads it as "outside of"
    else:
        spans = [(low, high)]
    return [(max(first, lowest), min(last, highest)) for first, last in spans if max(first, lowest) <= min(last, highest)]


def size_span(names: tuple[str, str, str], rules: Rules) -> list[Span]:
    """Answer which lengths three rules (exactly, least, most) let through."""
    exactly, least, most = names
    low = max(rules.get(least, 0), rules.get(exactly, 0))
    high = min(rules.get(most, math.inf), rules.get(exactly, math.inf))
    return [(low, high)] if low <= high else []


def covered(inner: Iterable[Span], outer: Iterable[Span]) -> bool:
    """Whether all that some spans hold is in others too."""
    joined: list[Span] = []
    for first, last in sorted(outer):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return all(any(low <= first and last <= high for low, high in joined) for first, last in inner)


def without(spans: Iterable[Span], value: float) -> list[Span]:
    """Take one value out."""
    parts = [part for first, last in spans for part in ((first, min(last, value - 1)), (max(first, value + 1), last))]
    return [(first, last) for first, last in parts if first <= last]


def plain(value: Any) -> Any:  # noqa: ANN401 - what a rule holds
    """Make what two sets of descriptors hold comparable."""
    if isinstance(value, Message):
        return value.SerializeToString(deterministic=True)
    if isinstance(value, float) and math.isnan(value):
        return NAN
    if value is None or isinstance(value, (str, bytes, int, float)):
        return value
    return tuple(plain(item) for item in value)
