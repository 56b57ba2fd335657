"""What became of parked messages on paper, as each is replayed and in sum: for people, and as JSON with stable keys."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from allocation.commands.terminal import json_text, printable
from allocation.operators.parked_message import written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocation.operators.parked import Replayed

NOTHING = "Nothing is parked."
_OVERTAKEN = "a newer quantity of its batch has overtaken it: nothing changed"
_IN_WORDS = {
    "applied": "it took effect",
    "repeated": "it had taken effect before: nothing changed",
    "superseded": _OVERTAKEN,
    "rejected": "it could not be carried out, which was announced as Rejected",
    "still_parked": "it cannot be asked this time either",
    "not_parked": "it ended before: `allocation parked show` says how",
}


def replayed_for_people(one: Replayed) -> str:
    """Write what became of one message."""
    said = printable(one.detail) or _IN_WORDS.get(one.outcome, "")
    return f"{written(one.place)}  {one.outcome}: {said}"


def replays_summed_up(replayed: Sequence[Replayed], not_reached: int) -> str:
    """Write how many came to which end, and how many to none."""
    counts = Counter(one.outcome for one in replayed)
    ends = f": {', '.join(f'{count} {outcome}' for outcome, count in sorted(counts.items()))}" if counts else ""
    return f"{len(replayed)} replayed{ends}{_rest(not_reached)}." if replayed or not_reached else NOTHING


def replays_as_json(replayed: Sequence[Replayed], not_reached: int) -> str:
    """Write what became of each message, in the order in which they were carried out."""
    replays = [{"place": written(one.place), "outcome": one.outcome, "detail": one.detail} for one in replayed]
    still_parked = sum(one.is_still_parked for one in replayed)
    return json_text({"replays": replays, "still_parked": still_parked, "not_reached": not_reached})


def discarded_summed_up(discarded: int, reached: int, not_reached: int) -> str:
    """Write how many were discarded."""
    if not reached and not not_reached:
        return NOTHING
    before = f"; {reached - discarded} had ended before" if discarded < reached else ""
    kept = " What is discarded is kept with its reason: `allocation parked list --all`." if discarded else ""
    return f"{discarded} discarded{before}{_rest(not_reached)}.{kept}"


def discarded_as_json(discarded: int, reached: int, not_reached: int, reason: str) -> str:
    """Write the same."""
    return json_text(
        {"discarded": discarded, "ended_before": reached - discarded, "not_reached": not_reached, "reason": reason}
    )


def _rest(not_reached: int) -> str:
    return f"; of {not_reached} nothing is known: do it again, what has ended stays as it is" if not_reached else ""
