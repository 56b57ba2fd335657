"""Rows that must not be there, whatever the others say, and what is to be done about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from allocation.operators.books.disagreement import RESTORE, Disagreement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True)
class Oddity:
    """What a query of the reader finds, in words that are filled from the row."""

    what: str
    should_be: str
    advice: str


ODDITIES = {
    "outbox_without_event": Oddity(
        "outbox row {0}",
        "an event of the log at this position",
        "stop the service, and: sqlite3 DATABASE 'DELETE FROM outbox WHERE position = {0}'",
    ),
    "outbox_of_internal_event": Oddity(
        "outbox row {0}",
        "a public event of the log at this position",
        "stop the service, and: sqlite3 DATABASE 'DELETE FROM outbox WHERE position = {0}'",
    ),
    "fence_without_batch": Oddity("the fence of batch {0!r}", "a batch of this reference", RESTORE),
    "fence_ahead_of_log": Oddity(
        "the fence of batch {0!r}, set after event {1} of the log", "an event of the log that came before it", RESTORE
    ),
    "parked_and_consumed": Oddity(
        "message {0}/{1}/{2}, parked",
        "not in the inbox while it is parked",
        "allocation parked show {0}/{1}/{2}; it took effect, so: allocation parked replay {0}/{1}/{2}",
    ),
    "inbox_ahead_of_stream": Oddity(
        "message {1!r} of {0!r} in the inbox, sequence {2}",
        "not above the last sequence that is known of its stream, {3}",
        RESTORE,
    ),
}


def odd(name: str, rows: Iterable[Any]) -> Iterator[Disagreement]:
    """Say of each of these rows that it is there."""
    oddity = ODDITIES[name]
    for row in rows:
        what, should_be, advice = (text.format(*row) for text in (oddity.what, oddity.should_be, oddity.advice))
        yield Disagreement(name, "", what, "it is there", should_be, advice)
