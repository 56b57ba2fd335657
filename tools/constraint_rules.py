"""Which rules of a protovalidate rules message refuse a value that those of another accepted.

A rule with a known direction is compared by it. Any other that is new or changed, such as a pattern, is taken to refuse more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.constraint_spans import FLOATS, LIMITS, NAN, RANGE, covered, key, ordinal, plain, size_span, spans_of, without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tools.constraint_spans import Rules, Span

UNKNOWN = " (whether this refuses more is not known)"
_POINTS_MAX = 1_000
_SIZES = (  # exactly, least, most
    ("len", "min_len", "max_len"),
    ("len_bytes", "min_bytes", "max_bytes"),
    ("", "min_items", "max_items"),
    ("", "min_pairs", "max_pairs"),
)
_LISTS = ("const", "in", "defined_only")
_SWITCHES = (
    frozenset({"unique", "finite", "lt_now", "gt_now"})
    | {"email", "hostname", "ip", "ipv4", "ipv6", "uri", "uri_ref", "address", "uuid", "tuuid", "ulid", "host_and_port"}
    | {"ip_with_prefixlen", "ipv4_with_prefixlen", "ipv6_with_prefixlen", "ip_prefix", "ipv4_prefix", "ipv6_prefix"}
    | {"protobuf_fqn", "protobuf_dot_fqn"}
)
_TEXTS: dict[str, Callable[[Any, Any], bool]] = {  # whether what is required now was required before
    "prefix": lambda was, now: was.startswith(now),
    "suffix": lambda was, now: was.endswith(now),
    "contains": lambda was, now: now in was,
    "not_contains": lambda was, now: was in now,
}
_COMPARED = frozenset(
    {*RANGE, *_LISTS, *_TEXTS, *_SWITCHES, "not_in", "within", "well_known_regex", "strict"}
    | {name for names in _SIZES for name in names}
    | {"items", "keys", "values"}  # rules in their own right
    | {"example"}  # refuses nothing
)


def tightened_rules(  # noqa: PLR0913 - both sides, and what they are about
    kind: str, was: Rules, now: Rules, *, was_numbers: frozenset[int], now_numbers: frozenset[int], judge_zero: bool
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Name the rules (those that work together, together) that refuse what was accepted, each with a note or "".

    The numbers are those of the field's enum. Without `judge_zero` the zero value is left to the caller.
    """
    accepted = _Accepted(kind, was, was_numbers, judge_zero=judge_zero)
    yield from _measures(kind, was, now, accepted)
    for name in _LISTS:
        values = _listed(kind, {name: now[name]} if name in now else {}, now_numbers)
        if values is not None and not accepted.within(values, name):
            yield (name,), ""
    if accepted.any_of(_keys(kind, now.get("not_in", ())) - _keys(kind, was.get("not_in", ()))):
        yield ("not_in",), ""
    for name, implied in _TEXTS.items():
        if name in now and not (name in was and implied(was[name], now[name])):
            yield (name,), ""
    yield from (((name,), "") for name in sorted(_SWITCHES) if now.get(name) and not was.get(name))
    if now.get("well_known_regex") and (
        now["well_known_regex"] != was.get("well_known_regex") or (now.get("strict", True) and not was.get("strict", True))
    ):
        yield ("well_known_regex", "strict"), ""
    yield from (((name,), UNKNOWN) for name in now if name not in _COMPARED and different(was, now, (name,)))


def _measures(kind: str, was: Rules, now: Rules, accepted: _Accepted) -> Iterator[tuple[tuple[str, ...], str]]:
    if any(name in now for name in RANGE) and different(was, now, RANGE):
        if kind not in LIMITS or any(key(kind, rules[name]) == NAN for rules in (was, now) for name in RANGE if name in rules):
            yield RANGE, UNKNOWN
        elif accepted.nan or not covered(accepted.spans, spans_of(kind, now)):
            yield RANGE, ""
    for names in _SIZES:
        if not covered(accepted.sizes(names), size_span(names, now)):
            yield names, ""
    if "within" in now and ("within" not in was or ordinal(kind, now["within"]) < ordinal(kind, was["within"])):
        yield ("within",), ""


class _Accepted:
    """What the rules of before let through: never less than they did, sometimes more."""

    def __init__(self, kind: str, rules: Rules, numbers: frozenset[int], *, judge_zero: bool) -> None:
        self._kind, self._rules, self._numbers = kind, rules, numbers
        self._judge_zero = judge_zero
        self._zero: Any = {"string": "", "bytes": b""}.get(kind, 0)
        listed = _listed(kind, rules, numbers)
        ranged = any(name in rules and key(kind, rules[name]) != NAN for name in RANGE)
        self.nan = kind in FLOATS and not ranged and not rules.get("finite") and (listed is None or NAN in listed)
        self.spans: list[Span] = []
        if kind in LIMITS:
            self.spans = spans_of(kind, rules)
            if listed is not None:
                self.spans = [(value, value) for value in listed - {NAN} if covered([(value, value)], self.spans)]
            refused = _keys(kind, rules.get("not_in", ())) - {NAN}
            for value in refused if judge_zero else refused | {0}:
                self.spans = without(self.spans, value)
            if not self.nan and sum(last - first + 1 for first, last in self.spans) <= _POINTS_MAX:
                listed = frozenset(value for first, last in self.spans for value in range(int(first), int(last) + 1))
        self._listed = listed

    def sizes(self, names: tuple[str, str, str]) -> list[Span]:
        """Answer how long a value could be."""
        spans = size_span(names, self._rules)
        if self._listed is not None and self._kind in ("string", "bytes"):
            in_bytes = names[0] == "len_bytes" and self._kind == "string"
            lengths = (len(value.encode() if in_bytes else value) for value in self._listed)
            spans = [(length, length) for length in lengths if covered([(length, length)], spans)]
        return spans if self._judge_zero else without(spans, 0)

    def within(self, values: frozenset[Any], name: str) -> bool:
        """Whether only these values were accepted."""
        listed = self._listed
        if self._kind == "field_mask":  # its const is a mask, its list are paths
            listed = _listed(self._kind, {name: self._rules[name]} if name in self._rules else {}, self._numbers)
        return listed is not None and (listed if self._judge_zero else listed - {self._zero}) <= values

    def any_of(self, values: frozenset[Any]) -> bool:
        """Whether one of these values was accepted."""
        if not self._judge_zero:
            values -= {self._zero}
        if self._kind == "field_mask" or (self._kind not in LIMITS and self._listed is None):
            return bool(values)
        if self._kind in LIMITS:
            return any(value == NAN or covered([(value, value)], self.spans) for value in values)
        return not values.isdisjoint(self._listed or ())


def _listed(kind: str, rules: Rules, numbers: frozenset[int]) -> frozenset[Any] | None:
    lists = [frozenset({key(kind, rules["const"])})] if "const" in rules else []
    lists += [_keys(kind, rules["in"])] if rules.get("in") else []
    lists += [numbers] if rules.get("defined_only") else []
    return frozenset.intersection(*lists) if lists else None


def _keys(kind: str, values: Iterable[Any]) -> frozenset[Any]:
    return frozenset(key(kind, value) for value in values)


def different(was: Rules, now: Rules, names: Iterable[str]) -> bool:
    """Whether one of these rules is set in one of the two alone, or to something else."""
    return any(plain(was.get(name)) != plain(now.get(name)) for name in names)
