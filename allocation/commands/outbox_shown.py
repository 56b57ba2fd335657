"""What waits to be published, on paper: for people, and as JSON with stable keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from allocation.commands.instants import written as when
from allocation.commands.outbox_verification_shown import VERIFY
from allocation.commands.terminal import counted, json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from allocation.operators.outbox import Status


def status_for_people(status: Status) -> str:
    """Write what waits, and how far the stream is."""
    return "\n".join(_lines_of_status(status))


def status_as_json(status: Status, trouble: str) -> str:
    """Write the same; `broker_error` is null if the broker answered."""
    known, stream = status.known, status.stream
    return json_text(
        {
            "waiting": status.waiting,
            "oldest_occurred_at": None if status.oldest is None else when(status.oldest),
            "oldest_age_seconds": None if status.oldest is None else round(_age_seconds(status.oldest), 1),
            "known_stream": None
            if known is None
            else {
                "name": known.name,
                "incarnation": known.incarnation,
                "last_sequence": known.last_sequence,
                "created_at": known.created_at,
            },
            "stream": None
            if stream is None
            else {
                "name": stream.name,
                "first_sequence": stream.first_sequence,
                "last_sequence": stream.last_sequence,
                "created_at": stream.created_at,
            },
            "broker_error": trouble or None,
        }
    )


def _lines_of_status(status: Status) -> Iterator[str]:
    yield f"waiting   {counted(status.waiting, 'event')}"
    if status.oldest is not None:
        yield f"oldest    {when(status.oldest)}, {_age_seconds(status.oldest):,.0f} s ago"
    known, stream = status.known, status.stream
    if known is None:
        yield "known     nothing: this service has published nothing yet"
    else:
        yield f"known     {known.name} up to sequence {known.last_sequence:,}, incarnation {known.incarnation}"
    if stream is None:
        return
    yield f"stream    {stream.name} holds sequences {stream.first_sequence:,} to {stream.last_sequence:,}"
    if known is not None and (stream.last_sequence < known.last_sequence or stream.created_at != known.created_at):
        yield "The stream is not the one that was published to: it was made anew, or restored from an old copy."
        yield f"next      {VERIFY}, while the service runs"
    elif status.waiting:
        yield "next      a service that runs publishes them; if they stay, its log says why"


def _age_seconds(instant: datetime) -> float:
    return max((datetime.now(UTC) - instant).total_seconds(), 0)
