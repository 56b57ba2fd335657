"""What became of parked messages on paper, as each is replayed and in sum: for people, and as JSON with stable keys."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from allocation.commands.terminal import counted, json_text, printable
from allocation.operators.parked_message import written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocation.operators.parked_endings import Replayed

_OVERTAKEN = "a newer quantity of its batch has overtaken it: nothing changed"
_OUTCOMES = {
    "applied": "it took effect",
    "repeated": "it had taken effect before: nothing changed",
    "superseded": _OVERTAKEN,
    "rejected": "it could not be carried out, which was announced as Rejected",
    "still_parked": "it cannot be asked this time either",
    "not_parked": "it ended before: `allocation parked show` says how",
}


@dataclass(frozen=True)
class Rest:
    """Of how many messages nothing is known, and how many of those were asked for: they may have been done all the same."""

    not_reached: int = 0
    unanswered: int = 0


def nothing_found(others: int | None, *, with_ended: bool = False) -> str:
    """Write that nothing matches, or that there is nothing at all; `others` do not match."""
    if not others:
        return "Nothing is parked."
    if with_ended:
        return f"Nothing that is or was parked matches; {counted(others, 'other', 'was')} parked."
    return f"Nothing that is parked matches; {counted(others, 'other', 'is')} parked."


def replayed_for_people(one: Replayed) -> str:
    """Write what became of one message."""
    said = printable(one.detail) or _OUTCOMES.get(one.outcome, "")
    return f"{written(one.place)}  {one.outcome}: {said}"


def replays_summed_up(replayed: Sequence[Replayed], rest: Rest, others: int | None) -> str:
    """Write how many came to which end, and how many to none."""
    counts = Counter(one.outcome for one in replayed)
    ends = f": {', '.join(f'{count} {outcome}' for outcome, count in sorted(counts.items()))}" if counts else ""
    return f"{len(replayed)} replayed{ends}{_in_words(rest)}." if replayed or rest.not_reached else nothing_found(others)


def replays_as_json(replayed: Sequence[Replayed], rest: Rest, others: int | None) -> str:
    """Write what became of each message, in the order in which they were carried out."""
    replays = [{"place": written(one.place), "outcome": one.outcome, "detail": one.detail} for one in replayed]
    still_parked = sum(one.is_still_parked for one in replayed)
    return json_text({"replays": replays, "still_parked": still_parked, **_as_json(rest), "others": others})


def discarded_summed_up(discarded: int, reached: int, rest: Rest, others: int | None) -> str:
    """Write how many were discarded."""
    if not reached and not rest.not_reached:
        return nothing_found(others)
    before = f"; {reached - discarded} had ended before" if discarded < reached else ""
    kept = " What is discarded is kept with its reason: `allocation parked list --all`." if discarded else ""
    return f"{discarded} discarded{before}{_in_words(rest)}.{kept}"


def discarded_as_json(discarded: int, reached: int, rest: Rest, reason: str, others: int | None) -> str:
    """Write the same."""
    ended = {"discarded": discarded, "ended_before": reached - discarded}
    return json_text({**ended, **_as_json(rest), "reason": reason, "others": others})


def _as_json(rest: Rest) -> dict[str, int]:
    return {"not_reached": rest.not_reached, "unanswered": rest.unanswered}


def _in_words(rest: Rest) -> str:
    if not rest.not_reached:
        return ""
    perhaps = f", up to {rest.unanswered} more may have been done" if rest.unanswered else ""
    return f"; of {rest.not_reached} nothing is known{perhaps}: do it again, what has ended stays as it is"
