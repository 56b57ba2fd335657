"""Compares what a stream or consumer is with what it should be, and says it so that an operator can act on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from allocation.adapters.jetstream.api import NANOSECONDS
from allocation.adapters.jetstream.configuration import SERVER_DEFAULTS
from allocation.service_layer.streams import StreamMismatchError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

log = structlog.get_logger()

_BEGINS_LATER = ("by_start_sequence", "by_start_time")
"""How a consumer begins that an operator has reset."""
_IN_NANOSECONDS = frozenset({"ack_wait", "duplicate_window", "max_age"})


def stream_differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], matters: Iterable[str]) -> list[str]:
    """One line for each setting that matters and is otherwise; subjects may be held by a wildcard, or among others."""
    lines = []
    held = theirs.get("subjects") or []
    if not all(is_held(subject, held) for subject in ours["subjects"]):
        lines.append(_line("subjects", ours["subjects"], held))
    return lines + [
        _line(setting, wanted, found)
        for setting in matters
        if (found := theirs.get(setting, SERVER_DEFAULTS.get(setting)))
        != (wanted := ours.get(setting, SERVER_DEFAULTS.get(setting)))
    ]


def consumer_differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """One line for each setting of the consumer that matters and is otherwise."""
    filtered = sorted(theirs.get("filter_subjects") or filter(None, [theirs.get("filter_subject")]))
    lines = []
    if filtered != sorted(ours["filter_subjects"]):
        lines.append(_line("filter_subjects", sorted(ours["filter_subjects"]), filtered))
    if theirs.get("deliver_subject"):
        lines.append(_line("deliver_subject", None, theirs["deliver_subject"]))
    return lines + [
        _line(setting, ours[setting], theirs.get(setting))
        for setting in ("ack_policy", "deliver_policy", "max_deliver")
        if theirs.get(setting) != ours[setting] and theirs.get(setting) not in _BEGINS_LATER
    ]


def settle(what: str, differences: Sequence[str], *, adopt: bool) -> None:
    """Accept no difference; or, when told to adopt, say what differs and go on.

    Raises:
        StreamMismatchError: there are differences and we are not to adopt them.

    """
    if not differences:
        return
    if not adopt:
        advice = "change it, remove it, or start with --adopt to use it as it is"
        raise StreamMismatchError("\n".join([f"{what} exists with settings that matter otherwise:", *differences, advice]))
    log.warning("stream_adopted", what=what, differences=list(differences))


def require_apart(name: str, held: Sequence[str], ours: Sequence[str], apart: Sequence[str]) -> None:
    """Refuse a stream that takes in what we consume as well as what we publish, also when told to adopt what there is.

    Whichever way such a stream is full, it breaks a promise: it refuses our events, or it forgets messages that nobody read.
    And how far it was read and how far it was written are two numbers, where a stream has one.

    Raises:
        StreamMismatchError: it does.

    """
    both = [next((subject for subject in subjects if is_held(subject, held)), None) for subjects in (ours, apart)]
    if None in both:
        return
    raise StreamMismatchError(
        f"stream {name} takes in {both[0]} and {both[1]}, what is consumed and what is published: a full stream of the first "
        "must refuse, one of the second must forget its oldest; hold them in two streams (ALLOCATION_INBOUND_STREAM, "
        "ALLOCATION_EVENT_STREAM), a stream of the whole company may have both as its sources; --adopt does not change this"
    )


def holds_others(configuration: Mapping[str, Any], subjects: Collection[str]) -> bool:
    """Whether a stream may hold messages that are not of our subjects."""
    held = configuration.get("subjects") or ()
    elsewhere = configuration.get("sources") or configuration.get("mirror")
    return bool(elsewhere) or any(subject not in subjects for subject in held)


def is_held(subject: str, patterns: Iterable[str]) -> bool:
    """Whether one of the subjects, which may have wildcards, takes in `subject`."""
    return any(_takes_in(pattern.split("."), subject.split(".")) for pattern in patterns)


def _takes_in(pattern: list[str], subject: list[str]) -> bool:
    for position, part in enumerate(pattern):
        if part == ">":
            return len(subject) > position
        if position >= len(subject) or part not in ("*", subject[position]):
            return False
    return len(pattern) == len(subject)


def _line(setting: str, ours: object, theirs: object) -> str:
    return f"  {setting}: ours {_text(setting, ours)}, theirs {_text(setting, theirs)}"


def _text(setting: str, value: object) -> str:
    if value is None or value == []:
        return "none"
    if setting in _IN_NANOSECONDS and isinstance(value, int):
        return f"{value / NANOSECONDS:g} s"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value)
