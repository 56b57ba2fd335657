"""Parked messages on paper: for people, and as JSON with stable keys."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from allocation.commands.instants import written as when
from allocation.commands.parked_endings_shown import nothing_found
from allocation.commands.terminal import clipped, json_text, printable
from allocation.operators import parked, parked_message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from allocation.adapters.sql.parked_reader import KeptMessage

_BYTES_A_LINE = 16
_BYTES_SHOWN_MAX = 1_024
_LINES_SHOWN_MAX = 200
_IDENTIFIER_CHARACTERS_MAX, _TEXT_CHARACTERS_MAX = 128, 1_000


def listing_for_people(listing: parked.Listing) -> str:
    """Write a paragraph for each reason, and a line or two for each message."""
    if not listing.total:
        return nothing_found(listing.others, with_ended=listing.with_ended)
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
    return json_text(
        {
            "groups": groups,
            "messages": shown,
            "total": listing.total,
            "not_shown": listing.total - len(listing.shown),
            "others": listing.others,
        }
    )


def message_for_people(kept: KeptMessage) -> str:
    """Write all that is known of a message, and what to do about it."""
    return "\n".join(_lines_of_message(kept))


def message_as_json(kept: KeptMessage) -> str:
    """Write all that is known of a message, and what to do about it."""
    advice = parked_message.advice(kept.message) if kept.ending is None else []
    return json_text(_facts(kept) | {"advice": advice[:1], "commands": advice[1:]})


def _lines_of_listing(listing: parked.Listing) -> Iterator[str]:
    width = max((len(parked_message.written(kept.message.place)) for kept in listing.shown), default=0)
    subjects = max((len(printable(kept.message.subject)) for kept in listing.shown), default=0)
    for reason, group in sorted(listing.groups.items()):
        span = f"first {_when(group.first)}, last {_when(group.last)}" if group.count > 1 else f"at {_when(group.first)}"
        yield f"{reason}: {_messages(group.count)}, {span}; {', '.join(map(printable, sorted(group.subjects)))}"
        for kept in listing.shown:
            if kept.message.reason.value == reason:
                place, subject = parked_message.written(kept.message.place), printable(kept.message.subject)
                about = clipped(parked_message.concerns(kept.message), _IDENTIFIER_CHARACTERS_MAX)
                yield f"  {place:{width}}  {subject:{subjects}}  {when(kept.message.parked_at)}  {about}".rstrip()
                yield f"    {clipped(kept.message.detail, _TEXT_CHARACTERS_MAX)}"
                if kept.ending is not None:
                    yield f"    {kept.ending.outcome} {when(kept.ending.ended_at)}: {printable(kept.ending.detail)}"
    if hidden := listing.total - len(listing.shown):
        yield f"{_messages(hidden)} more not shown: narrow it down, or say --limit {listing.total}."
    yield "Look into one with `allocation parked show PLACE`."


def _lines_of_message(kept: KeptMessage) -> Iterator[str]:
    message = kept.message
    yield parked_message.written(message.place)
    yield f"  subject     {printable(message.subject)}"
    yield f"  parked      {when(message.parked_at)}, at delivery {message.deliveries}, event {message.log_position} of the log"
    yield f"  reason      {message.reason.value}"
    yield f"  detail      {clipped(message.detail, _TEXT_CHARACTERS_MAX)}"
    yield "  headers" if parked_message.headers_of(message) else "  headers     none"
    for name, value in sorted(parked_message.headers_of(message).items()):
        yield f"    {clipped(name, _TEXT_CHARACTERS_MAX)}: {clipped(value, _TEXT_CHARACTERS_MAX)}"
    message_type, content = parked_message.decoded(message)
    if content is None:
        what = f"that are no {message_type}" if message_type else "of no message that is known"
        yield f"  payload     {len(message.payload)} bytes {what}"
        yield from _hex_dump(message.payload[:_BYTES_SHOWN_MAX])
        if len(message.payload) > _BYTES_SHOWN_MAX:
            yield f"    … and {len(message.payload) - _BYTES_SHOWN_MAX:,} more: --json has all"
    else:
        yield f"  payload     {len(message.payload)} bytes, a {message_type}"
        lines = json_text(content).splitlines()
        yield from (f"    {clipped(line, _TEXT_CHARACTERS_MAX)}" for line in lines[:_LINES_SHOWN_MAX])
        if len(lines) > _LINES_SHOWN_MAX:
            yield f"    … and {len(lines) - _LINES_SHOWN_MAX:,} lines more: --json has all"
    if kept.ending is not None:
        yield f"  ended       {kept.ending.outcome} {when(kept.ending.ended_at)}: {printable(kept.ending.detail)}"
        return
    yield "  ended       not yet: it is parked"
    advice, *commands = parked_message.advice(message)
    yield f"  what to do  {clipped(advice, _TEXT_CHARACTERS_MAX)}"
    yield from (f"    {command}" for command in commands)


def _hex_dump(payload: bytes) -> Iterator[str]:
    for begin in range(0, len(payload), _BYTES_A_LINE):
        part = payload[begin : begin + _BYTES_A_LINE]
        text = "".join(chr(byte) if chr(byte).isascii() and chr(byte).isprintable() else "." for byte in part)
        yield f"    {begin:06x}  {part.hex(' '):{3 * _BYTES_A_LINE}} {text}"


def _facts(kept: KeptMessage) -> dict[str, Any]:
    message, ending = kept.message, kept.ending
    message_type, content = parked_message.decoded(message)
    return {
        "place": parked_message.written(message.place),
        "stream": message.place.stream,
        "incarnation": message.place.incarnation,
        "sequence": message.place.sequence,
        "subject": message.subject,
        "reason": message.reason.value,
        "detail": message.detail,
        "parked_at": when(message.parked_at),
        "log_position": message.log_position,
        "deliveries": message.deliveries,
        "headers": parked_message.headers_of(message),
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
