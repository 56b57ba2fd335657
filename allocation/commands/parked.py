"""`allocation parked`: the messages that were set aside, and what is to become of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from allocation.commands.instants import instant
from allocation.commands.running import run
from allocation.commands.terminal import ask_for, confirm, printable, progress

if TYPE_CHECKING:
    from datetime import datetime

    from allocation.adapters.sql.parked_reader import ParkedWhere
    from allocation.operators.parked import Listing, Replayed
    from allocation.service_layer.records import StreamPlace
    from allocation.settings import Settings

app = typer.Typer(
    name="parked",
    help="Messages that could not even be asked, and were set aside with their reason.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
REASONS = ("malformed", "wrong_type", "unknown_subject", "identity_reused", "unknown_batch", "too_many_deliveries")
SOME_STILL_PARKED = 3
_REASON_CHARACTERS_MAX = 1_000
_WAYS = (
    "Name places as `allocation parked list` shows them, or say which by the same options; --everything is all that are parked."
)

Places = Annotated[list[str] | None, typer.Argument(metavar="[PLACE]...", help="E.g. ALLOCATION_INBOUND/1/42.")]
Subject = Annotated[str | None, typer.Option("--subject", help="Only those of this subject.")]
_ONLY_PARKED_AS = f"Only those parked as {', '.join(REASONS)}."
ParkedAs = Annotated[str | None, typer.Option("--parked-as", "--reason", metavar="REASON", help=_ONLY_PARKED_AS)]
ParkedAsAlone = Annotated[str | None, typer.Option("--parked-as", metavar="REASON", help=_ONLY_PARKED_AS)]
BatchReference = Annotated[str | None, typer.Option("--batch", help="Only those about this batch.")]
Since = Annotated[str | None, typer.Option("--since", help="Only those parked since: a time, or an age like 2h.")]
Until = Annotated[str | None, typer.Option("--until", help="Only those parked before: a time, or an age like 2h.")]
Everything = Annotated[bool, typer.Option("--everything", help="All that are parked.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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


@app.command("list")
def list_parked(  # noqa: PLR0913 - each is an option
    *,
    subject: Subject = None,
    parked_as: ParkedAs = None,
    batch: BatchReference = None,
    since: Since = None,
    until: Until = None,
    with_ended: Annotated[bool, typer.Option("--all", help="Those, too, that were replayed or discarded.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many messages are listed; all are counted.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what is parked, by its reason. It only looks. E.g. `allocation parked list --batch batch-001 --since 2h`."""
    from allocation.commands import parked_shown  # noqa: PLC0415 - keeps help fast
    from allocation.operators import parked  # noqa: PLC0415 - keeps help fast

    filters = Filters.of(subject, parked_as, batch, since, until)

    async def look(settings: Settings) -> Listing:
        return await parked.listing(settings, filters.where(with_ended=with_ended), filters.batch_reference, limit)

    found = run(look)
    typer.echo(parked_shown.listing_as_json(found) if as_json else parked_shown.listing_for_people(found))


@app.command()
def show(
    place: Annotated[str, typer.Argument(help="E.g. ALLOCATION_INBOUND/1/42.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a message whole: why it was parked, what is in it, what became of it, and what to do about it. It only looks."""
    from allocation.commands import parked_shown  # noqa: PLC0415 - keeps help fast
    from allocation.operators import parked  # noqa: PLC0415 - keeps help fast

    (wanted,) = _places([place])
    (found,) = run(lambda settings: parked.kept_at(settings, [wanted]))
    typer.echo(parked_shown.message_as_json(found) if as_json else parked_shown.message_for_people(found))


@app.command()
def replay(  # noqa: PLR0913 - each is an option
    places: Places = None,
    *,
    subject: Subject = None,
    parked_as: ParkedAs = None,
    batch: BatchReference = None,
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Carry parked messages out anew, in the order of their stream, as if they came now.

    A quantity that a newer one has overtaken ends as superseded and changes nothing. Ends with status 3 if some are still
    parked. E.g. `allocation parked replay ALLOCATION_INBOUND/1/42`, or `allocation parked replay --batch batch-001 --yes`.
    """
    from allocation.commands import parked_shown  # noqa: PLC0415 - keeps help fast
    from allocation.operators import parked  # noqa: PLC0415 - keeps help fast

    chosen = _chosen(places, Filters.of(subject, parked_as, batch, since, until), "Replay", everything=everything, yes=yes)
    replayed: list[Replayed] = []

    async def carry_out(settings: Settings) -> None:
        with progress("replaying", len(chosen)) as progressed:
            async for one in parked.replay(settings, chosen, progressed):
                replayed.append(one)
                if not as_json:
                    typer.echo(parked_shown.replayed_for_people(one))

    if chosen:
        run(carry_out)
    typer.echo(parked_shown.replays_as_json(replayed) if as_json else parked_shown.replays_summed_up(replayed))
    if any(one.is_still_parked for one in replayed):
        raise typer.Exit(SOME_STILL_PARKED)


@app.command()
def discard(  # noqa: PLR0913 - each is an option
    places: Places = None,
    *,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for whoever looks later; it is kept.")] = None,
    subject: Subject = None,
    parked_as: ParkedAsAlone = None,
    batch: BatchReference = None,
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Set parked messages aside for good, with a reason that is kept. They stay readable: `allocation parked list --all`.

    E.g. `allocation parked discard ALLOCATION_INBOUND/1/42 --reason "sent by a test of the warehouse"`.
    """
    from allocation.commands import parked_shown  # noqa: PLC0415 - keeps help fast
    from allocation.operators import parked  # noqa: PLC0415 - keeps help fast

    given = None if reason is None else _checked_reason(reason)
    chosen = _chosen(places, Filters.of(subject, parked_as, batch, since, until), "Discard", everything=everything, yes=yes)
    why = given or _checked_reason(ask_for("Why are they discarded?", "--reason"))

    async def carry_out(settings: Settings) -> int:
        with progress("discarding", len(chosen)) as progressed:
            return await parked.discard(settings, chosen, why, progressed)

    discarded = run(carry_out) if chosen else 0
    typer.echo(parked_shown.discarded(discarded, len(chosen), why, as_json=as_json))


def _chosen(texts: list[str] | None, filters: Filters, verb: str, *, everything: bool, yes: bool) -> list[StreamPlace]:
    """Find the messages that are meant; those that are not named one by one are counted, and have to be confirmed."""
    from allocation.operators import parked  # noqa: PLC0415 - keeps help fast

    if bool(texts) + bool(filters) + everything != 1:
        raise typer.BadParameter(_WAYS)
    if texts:
        named = _places(texts)
        run(lambda settings: parked.require_known(settings, named))
        return named
    found = run(lambda settings: parked.places_where(settings, filters.where(), filters.batch_reference))
    if found:
        confirm(f"{verb} {len(found)} parked messages?", yes=yes)
    return found


def _places(texts: list[str]) -> list[StreamPlace]:
    from allocation.operators import parked  # noqa: PLC0415 - keeps help fast

    try:
        return [parked.place_of(text) for text in texts]
    except parked.PlaceError as error:
        raise typer.BadParameter(printable(str(error)), param_hint="PLACE") from None


def _checked_reason(text: str) -> str:
    reason = text.strip()
    if not 0 < len(reason) <= _REASON_CHARACTERS_MAX or not reason.isprintable():
        raise typer.BadParameter(
            f"a reason has 1 to {_REASON_CHARACTERS_MAX:,} characters, no control characters; this one has {len(reason):,}",
            param_hint="--reason",
        )
    return reason
