"""Parked messages on paper: for people, and as JSON with stable keys."""

from __future__ import annotations

import base64
import json
from collections import Counter
from typing import TYPE_CHECKING

from allocation.commands.instants import written as when
from allocation.commands.terminal import printable
from allocation.operators import parked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from allocation.adapters.sql.parked_reader import KeptMessage

_NOTHING = "Nothing is parked."
_OVERTAKEN = "a newer quantity of its batch has overtaken it: nothing changed"
_IN_WORDS = {
    "applied": "it took effect",
    "repeated": "it had taken effect before: nothing changed",
    "superseded": _OVERTAKEN,
    "rejected": "it could not be carried out, which was announced as Rejected",
    "still_parked": "it cannot be asked this time either",
    "not_parked": "it ended before: `allocation parked show` says how",
}
_BYTES_A_LINE = 16


def listing_for_people(listing: parked.Listing) -> str:
    """Write a paragraph for each reason, and a line or two for each message."""
    if not listing.total:
        return _NOTHING
    return "\n".join(_lines_of_listing(listing))


def listing_as_json(listing: parked.Listing) -> str:
    """Write the groups and the messages."""
    groups = [
        {
            "reason": reason,
            "count": group.count,
            "first_parked_at": _when(group.first),
            "last_parked_at": _when(group.last),
            "subjects": sorted(group.subjects),
        }
        for reason, group in sorted(listing.groups.items())
    ]
    shown = [_facts(kept) for kept in listing.shown]
    return _json({"groups": groups, "messages": shown, "total": listing.total, "not_shown": listing.total - len(listing.shown)})


def message_for_people(kept: KeptMessage) -> str:
    """Write all that is known of a message, and what to do about it."""
    return "\n".join(_lines_of_message(kept))


def message_as_json(kept: KeptMessage) -> str:
    """Write all that is known of a message, and what to do about it."""
    advice = parked.advice(kept.message) if kept.ending is None else []
    return _json(_facts(kept) | {"advice": advice[:1], "commands": advice[1:]})


def replayed_for_people(one: parked.Replayed) -> str:
    """Write what became of one message."""
    said = printable(one.detail) or _IN_WORDS.get(one.outcome, "")
    return f"{parked.written(one.place)}  {one.outcome}: {said}"


def replays_summed_up(replayed: Sequence[parked.Replayed]) -> str:
    """Write how many came to which end."""
    if not replayed:
        return _NOTHING
    counts = Counter(one.outcome for one in replayed)
    return f"{len(replayed)} replayed: {', '.join(f'{count} {outcome}' for outcome, count in sorted(counts.items()))}."


def replays_as_json(replayed: Sequence[parked.Replayed]) -> str:
    """Write what became of each message, in the order in which they were carried out."""
    replays = [{"place": parked.written(one.place), "outcome": one.outcome, "detail": one.detail} for one in replayed]
    return _json({"replays": replays, "still_parked": sum(one.is_still_parked for one in replayed)})


def discarded(count: int, asked: int, reason: str, *, as_json: bool) -> str:
    """Write how many were discarded."""
    if as_json:
        return _json({"discarded": count, "ended_before": asked - count, "reason": reason})
    if not asked:
        return _NOTHING
    before = f"; {asked - count} had ended before" if count < asked else ""
    return f"{count} discarded{before}. What is discarded is kept with its reason: `allocation parked list --all`."


def _lines_of_listing(listing: parked.Listing) -> Iterator[str]:
    width = max((len(parked.written(kept.message.place)) for kept in listing.shown), default=0)
    subjects = max((len(printable(kept.message.subject)) for kept in listing.shown), default=0)
    for reason, group in sorted(listing.groups.items()):
        span = f"first {_when(group.first)}, last {_when(group.last)}" if group.count > 1 else f"at {_when(group.first)}"
        yield f"{reason}: {_messages(group.count)}, {span}; {', '.join(map(printable, sorted(group.subjects)))}"
        for kept in listing.shown:
            if kept.message.reason.value == reason:
                place, subject = parked.written(kept.message.place), printable(kept.message.subject)
                about = printable(parked.concerns(kept.message))
                yield f"  {place:{width}}  {subject:{subjects}}  {when(kept.message.parked_at)}  {about}".rstrip()
                yield f"    {printable(kept.message.detail)}"
                if kept.ending is not None:
                    yield f"    {kept.ending.outcome} {when(kept.ending.ended_at)}: {printable(kept.ending.detail)}"
    if hidden := listing.total - len(listing.shown):
        yield f"{_messages(hidden)} more not shown: narrow it down, or say --limit {listing.total}."
    yield "Look into one with `allocation parked show PLACE`."


def _lines_of_message(kept: KeptMessage) -> Iterator[str]:
    message = kept.message
    yield parked.written(message.place)
    yield f"  subject     {printable(message.subject)}"
    yield f"  parked      {when(message.parked_at)}, at delivery {message.deliveries}, event {message.log_position} of the log"
    yield f"  reason      {message.reason.value}"
    yield f"  detail      {printable(message.detail)}"
    yield "  headers" if parked.headers_of(message) else "  headers     none"
    for name, value in sorted(parked.headers_of(message).items()):
        yield f"    {printable(name)}: {printable(value)}"
    message_type, content = parked.decoded(message)
    if content is None:
        what = f"that are no {message_type}" if message_type else "of no message that is known"
        yield f"  payload     {len(message.payload)} bytes {what}"
        yield from _hex_dump(message.payload)
    else:
        yield f"  payload     {len(message.payload)} bytes, a {message_type}"
        yield from (f"    {line}" for line in _json(content).splitlines())
    if kept.ending is not None:
        yield f"  ended       {kept.ending.outcome} {when(kept.ending.ended_at)}: {printable(kept.ending.detail)}"
        return
    yield "  ended       not yet: it is parked"
    advice, *commands = parked.advice(message)
    yield f"  what to do  {printable(advice)}"
    yield from (f"    {command}" for command in commands)


def _hex_dump(payload: bytes) -> Iterator[str]:
    for begin in range(0, len(payload), _BYTES_A_LINE):
        part = payload[begin : begin + _BYTES_A_LINE]
        text = "".join(chr(byte) if chr(byte).isascii() and chr(byte).isprintable() else "." for byte in part)
        yield f"    {begin:06x}  {part.hex(' '):{3 * _BYTES_A_LINE}} {text}"


def _facts(kept: KeptMessage) -> dict[str, Any]:
    message, ending = kept.message, kept.ending
    message_type, content = parked.decoded(message)
    return {
        "place": parked.written(message.place),
        "stream": message.place.stream,
        "incarnation": message.place.incarnation,
        "sequence": message.place.sequence,
        "subject": message.subject,
        "reason": message.reason.value,
        "detail": message.detail,
        "parked_at": when(message.parked_at),
        "log_position": message.log_position,
        "deliveries": message.deliveries,
        "headers": parked.headers_of(message),
        "message_type": message_type or None,
        "message": content,
        "payload": base64.b64encode(message.payload).decode(),
        "ending": None
        if ending is None
        else {"outcome": ending.outcome, "detail": ending.detail, "ended_at": when(ending.ended_at)},
    }


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


def _when(value: Any) -> str:  # noqa: ANN401 - None only in a group that is empty
    return when(value) if value is not None else ""


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
