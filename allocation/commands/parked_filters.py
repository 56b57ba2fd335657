"""Which parked messages a command is about: the same options for all, or places that are named one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from allocation.commands.instants import instant
from allocation.commands.running import run
from allocation.commands.terminal import confirm, counted, printable

if TYPE_CHECKING:
    from datetime import datetime

    from allocation.adapters.sql.parked_reader import ParkedWhere
    from allocation.service_layer.records import StreamPlace

REASONS = ("malformed", "wrong_type", "unknown_subject", "identity_reused", "unknown_batch", "too_many_deliveries")
ENDINGS = ("applied", "repeated", "superseded", "rejected", "discarded")
_WAYS = (
    "Name places as `allocation parked list` shows them, or say which by the same options; --everything is all that are parked."
)

Places = Annotated[list[str] | None, typer.Argument(metavar="PLACE", help="E.g. ALLOCATION_INBOUND/1/42.")]
Subject = Annotated[str | None, typer.Option("--subject", help="Only those of this subject.")]
ParkedAs = Annotated[
    str | None, typer.Option("--parked-as", metavar="REASON", help=f"Only those parked as {', '.join(REASONS)}.")
]
EndedAs = Annotated[
    str | None,
    typer.Option("--ended-as", metavar="OUTCOME", help=f"Only those that ended as {', '.join(ENDINGS)}; implies --all."),
]
BatchReference = Annotated[str | None, typer.Option("--batch", help="Only those about this batch.")]
Since = Annotated[str | None, typer.Option("--since", help="Only those parked since: a time, or an age like 2h.")]
Until = Annotated[str | None, typer.Option("--until", help="Only those parked before: a time, or an age like 2h.")]
Everything = Annotated[bool, typer.Option("--everything", help="All that are parked.")]


@dataclass(frozen=True)
class Filters:
    """Which messages the options name."""

    subject: str | None
    reason: str | None
    batch_reference: str | None
    since: datetime | None
    until: datetime | None

    @classmethod
    def of(
        cls, subject: str | None, reason: str | None, batch_reference: str | None, since: str | None, until: str | None
    ) -> Filters:
        """Check what was given."""
        if reason is not None and reason not in REASONS:
            raise typer.BadParameter(f"{reason!r} is none of {', '.join(REASONS)}", param_hint="--parked-as")
        return cls(
            subject,
            reason,
            batch_reference,
            None if since is None else instant(since),
            None if until is None else instant(until),
        )

    def __bool__(self) -> bool:
        return self != Filters(None, None, None, None, None)

    def where(self, *, with_ended: bool = False) -> ParkedWhere:
        """Say it as the reader asks."""
        from allocation.adapters.sql.parked_reader import ParkedWhere  # noqa: PLC0415 - keeps help fast
        from allocation.service_layer.housekeeping import ParkingReason  # noqa: PLC0415 - keeps help fast

        reason = None if self.reason is None else ParkingReason(self.reason)
        return ParkedWhere(self.subject, reason, self.since, self.until, with_ended)


def chosen_places(
    texts: list[str] | None, filters: Filters, verb: str, *, everything: bool, yes: bool
) -> tuple[list[StreamPlace], int | None]:
    """Find the messages that are meant; those that are not named one by one are counted, and have to be confirmed.

    Where there are none, it also answers how many others are parked.
    """
    from allocation.operators import parked  # noqa: PLC0415 - keeps help fast

    if bool(texts) + bool(filters) + everything != 1:
        raise typer.BadParameter(_WAYS)
    if texts:
        named = list(dict.fromkeys(places_of(texts)))
        run(lambda settings: parked.require_known(settings, named))
        return named, None
    found = run(lambda settings: parked.places_where(settings, filters.where(), filters.batch_reference))
    if not found:
        return [], run(parked.count)
    confirm(f"{verb} {counted(len(found), 'parked message')}?", yes=yes)
    return found, None


def checked_ending(outcome: str | None) -> str | None:
    """Refuse an outcome that no parked message ends with."""
    if outcome is not None and outcome not in ENDINGS:
        raise typer.BadParameter(f"{outcome!r} is none of {', '.join(ENDINGS)}", param_hint="--ended-as")
    return outcome


def places_of(texts: list[str]) -> list[StreamPlace]:
    """Read places as they were given; one that is none is wrong usage."""
    from allocation.operators import parked_message  # noqa: PLC0415 - keeps help fast

    try:
        return [parked_message.place_of(text) for text in texts]
    except parked_message.PlaceError as error:
        raise typer.BadParameter(printable(str(error)), param_hint="PLACE") from None
