"""What verifying found of the event stream, and what sending again did, on paper: for people, and as JSON with stable keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from allocation.commands.instants import written as when
from allocation.commands.terminal import counted, json_text, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from allocation.adapters.sql.outbox_reader import PublicEvent
    from allocation.operators.outbox import Sent
    from allocation.operators.outbox_verification import Stored, Verification

RE_EMIT = "allocation outbox re-emit"
VERIFY = "allocation outbox verify"
_DUPLICATE_WINDOW = (
    "          A broker remembers an id for ten minutes, also when its message was purged since: until",
    "          then it takes the event for a duplicate, and does not store it. If it is missing after",
    "          that, wait, and do it once more.",
)
_UNKNOWN = (
    "          This database is an older copy, or another one: what was published after that copy is unknown",
    "          to it, and those sku_sequence numbers are given a second time: consumers that have seen them",
    "          drop the new events until their numbers are above the last.",
)
_UNKNOWN_NEXT = (
    "have consumers undo what the unknown events told them, forget their numbers, and read the",
    "later events again; which are unknown: allocation outbox verify --json --limit N",
)


def verification_for_people(found: Verification) -> str:
    """Write what is missing, what else is odd, and what to do."""
    return "\n".join(_lines_of_verification(found))


def verification_as_json(found: Verification) -> str:
    """Write the same."""
    return json_text(_verification(found))


@dataclass(frozen=True)
class Sending:
    """What became of the events that were to be sent again: left out and why, sent, and not taken for all that."""

    left_out: Mapping[str, str]
    sent: Sent | None
    refused: Sequence[str]


def re_emitted_for_people(before: Verification, sending: Sending, after: Verification | None) -> str:
    """Write what was sent, and what the stream says now."""
    return "\n".join(_lines_of_re_emission(before, sending, after))


def re_emitted_as_json(before: Verification, sending: Sending, after: Verification | None) -> str:
    """Write the same; `after` is null if nothing was sent, or if nobody publishes it yet."""
    sent = sending.sent
    return json_text(
        {
            "before": _verification(before),
            "left_out": [{"event_id": event_id, "reason": reason} for event_id, reason in sending.left_out.items()],
            "queued": 0 if sent is None else sent.queued,
            "service_is_running": None if sent is None else sent.is_served,
            "not_taken": list(sending.refused),
            "after": None if after is None else _verification(after),
        }
    )


def _lines_of_verification(found: Verification) -> Iterator[str]:
    stream = found.stream
    since = "" if found.since is None else f", since {when(found.since)}"
    yield f"log       up to event {found.waiting.through:,}{since}"
    held = f"sequences {stream.first_sequence:,} to {stream.last_sequence:,}"
    yield f"stream    {stream.name}, {held}, {counted(found.stored, 'event')}"
    yield f"missing   {found.missing:,}"
    for event in found.missing_shown:
        yield from _event(event)
    yield from _not_shown(found.missing, found.missing_shown)
    yield f"waiting   {found.waiting.count:,} in the outbox"
    yield f"forgotten {found.forgotten:,} by the stream, by age or size: older than its first message"
    yield f"twice     {found.twice:,} on the stream more than once: a consumer drops a ce-id that it has seen"
    yield from _stored(found.twice_shown, found.twice)
    yield f"unknown   {found.unknown:,} on the stream that the log does not know"
    yield from _stored(found.unknown_shown, found.unknown)
    if found.unknown:
        yield from _UNKNOWN
        yield f"next      {_UNKNOWN_NEXT[0]}"
        yield from (f"          {line}" for line in _UNKNOWN_NEXT[1:])
    if found.missing:
        yield f"next      {RE_EMIT}"
        yield from _DUPLICATE_WINDOW


def _lines_of_re_emission(before: Verification, sending: Sending, after: Verification | None) -> Iterator[str]:
    for event_id, reason in sending.left_out.items():
        yield f"{printable(event_id)} was not sent: {reason}."
    if sending.sent is None:
        if not sending.left_out:
            yield f"Nothing is missing: the stream has {counted(before.on_stream.count, 'event')} of the log."
        return
    if after is None:
        queued = counted(sending.sent.queued, "event", "is")
        yield f"{queued} in the outbox. The service is stopped: it publishes what waits when it starts."
        yield f"next      start the service, then: {VERIFY}"
        return
    yield f"{counted(sending.sent.queued, 'event', 'was')} given to the broker again, each under its ce-id. Verified again:"
    yield from _lines_of_verification(after)
    for event_id in sending.refused:
        yield f"{event_id} is not on the stream for all that."
    if sending.refused and not after.missing:
        yield from _DUPLICATE_WINDOW


def _event(event: PublicEvent) -> Iterator[str]:
    sequence = "" if event.sku_sequence is None else f"  sku_sequence {event.sku_sequence}"
    yield f"  {event.event_id}  {when(event.occurred_at)}  {event.subject}"
    yield f"    {printable(event.sku)}{sequence}"


def _stored(shown: Sequence[Stored], count: int) -> Iterator[str]:
    for one in shown:
        yield f"  {printable(one.event_id)}  at sequence {one.sequence}"
    yield from _not_shown(count, shown)


def _not_shown(count: int, shown: Sequence[object]) -> Iterator[str]:
    if count > len(shown):
        yield f"  … and {count - len(shown):,} more; --limit {count} lists all"


def _verification(found: Verification) -> dict[str, Any]:
    stream = found.stream
    return {
        "log_position": found.waiting.through,
        "since": None if found.since is None else when(found.since),
        "stream": {
            "name": stream.name,
            "first_sequence": stream.first_sequence,
            "last_sequence": stream.last_sequence,
            "messages": found.stored,
        },
        "missing": found.missing,
        "missing_events": [
            {
                "event_id": event.event_id,
                "sku": event.sku,
                "subject": event.subject,
                "sku_sequence": event.sku_sequence,
                "occurred_at": when(event.occurred_at),
            }
            for event in found.missing_shown
        ],
        "waiting": found.waiting.count,
        "forgotten_by_stream": found.forgotten,
        "twice": found.twice,
        "twice_events": [{"event_id": one.event_id, "sequence": one.sequence} for one in found.twice_shown],
        "unknown": found.unknown,
        "unknown_events": [{"event_id": one.event_id, "sequence": one.sequence} for one in found.unknown_shown],
        "findings": [{"finding": name, "next": advice} for name, advice in _findings(found)],
    }


def _findings(found: Verification) -> Iterator[tuple[str, str]]:
    if found.missing:
        yield "missing", RE_EMIT
    if found.unknown:
        yield "unknown", " ".join(_UNKNOWN_NEXT)
