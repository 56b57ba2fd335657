"""The consumer on paper: for people, and as JSON with stable keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.commands.instants import written as when
from allocation.commands.terminal import counted, json_text, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any

    from allocation.operators.consumer import Status
    from allocation.operators.consumer_progress import Progress


def for_people(status: Status) -> str:
    """Write how far it is, and what is amiss with the command that mends it."""
    return "\n".join(_lines(status))


def as_json(status: Status) -> str:
    """Write all of it."""
    progress, known = status.progress, status.known
    return json_text(
        {
            "stream": progress.stream,
            "consumer": progress.consumer,
            "created_at": progress.created_at,
            "first_sequence": progress.first_sequence,
            "last_sequence": progress.last_sequence,
            "delivered": progress.delivered,
            "ack_floor": progress.ack_floor,
            "pending": progress.pending,
            "ack_pending": progress.ack_pending,
            "redelivered": progress.redelivered,
            "waiting_pulls": progress.waiting_pulls,
            "oldest_unacknowledged": _oldest(status),
            "database": None if known is None else {"incarnation": known.incarnation, "last_sequence": known.last_sequence},
            "findings": [
                {"finding": one.name, "meaning": one.meaning, "command": one.command or None} for one in status.findings
            ],
        }
    )


def skipped(start: int | datetime, progress: Progress) -> str:
    """Say which messages would never be consumed; "" if none."""
    if isinstance(start, int) and start > progress.ack_floor + 1:
        return (
            f"allocation: messages {progress.ack_floor + 1} to {start - 1} are not all acknowledged: "
            "those among them that were not consumed never will be"
        )
    return ""


def reset_for_people(progress: Progress, pending: int) -> str:
    """Write what is to come."""
    to_come = counted(pending, "message", "is")
    return (
        f"Consumer {progress.consumer} of stream {progress.stream} begins again: {to_come} to be delivered. "
        "`allocation consumer status` says how far it is."
    )


def reset_as_json(progress: Progress, pending: int) -> str:
    """Write what is to come."""
    return json_text({"stream": progress.stream, "consumer": progress.consumer, "pending": pending})


def _lines(status: Status) -> Iterator[str]:
    progress, known = status.progress, status.known
    ends = f"{progress.first_sequence} to {progress.last_sequence}"
    if progress.first_sequence > progress.last_sequence:
        ends = f"empty, it was up to {progress.last_sequence}" if progress.last_sequence else "empty"
    yield f"stream          {progress.stream} ({ends}), created {progress.created_at}"
    yield f"consumer        {progress.consumer}, {progress.waiting_pulls} waiting to fetch from it"
    yield f"delivered       through {progress.delivered}, {progress.pending} to come"
    yield f"acknowledged    through {progress.ack_floor}, {progress.ack_pending} delivered and not acknowledged"
    yield f"redelivered     {progress.redelivered}"
    if progress.oldest is None:
        yield "oldest unacknowledged   none"
    else:
        age = (status.looked_at - progress.oldest.published_at).total_seconds()
        yield (
            f"oldest unacknowledged   sequence {progress.oldest.sequence}, {printable(progress.oldest.subject)}, "
            f"published {when(progress.oldest.published_at)}, {max(age, 0):.0f} s ago"
        )
    if known is not None:
        yield f"database        has consumed through {known.last_sequence}, incarnation {known.incarnation}"
    for finding in status.findings:
        yield f"{finding.name}: {finding.meaning}"
        if finding.command:
            yield f"  {finding.command}"


def _oldest(status: Status) -> dict[str, Any] | None:
    oldest = status.progress.oldest
    if oldest is None:
        return None
    return {
        "sequence": oldest.sequence,
        "subject": oldest.subject,
        "published_at": when(oldest.published_at),
        "age_seconds": round(max((status.looked_at - oldest.published_at).total_seconds(), 0), 3),
    }
