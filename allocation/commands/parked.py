"""`allocation parked`: the messages that were set aside, and what is to become of them."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from allocation.commands.parked_filters import (
    BatchReference,
    EndedAs,
    Everything,
    Filters,
    ParkedAs,
    Places,
    Since,
    Subject,
    Until,
    checked_ending,
    chosen_places,
    places_of,
)
from allocation.commands.running import run, run_to_the_end
from allocation.commands.terminal import ask_for, progress

if TYPE_CHECKING:
    from allocation.operators.parked import Listing
    from allocation.operators.parked_endings import Discarded, Replayed
    from allocation.settings import Settings

app = typer.Typer(
    name="parked",
    help="Messages that could not even be asked, and were set aside with their reason.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
SOME_STILL_PARKED = 3
_REASON_CHARACTERS_MAX = 1_000
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_parked(  # noqa: PLR0913 - each is an option
    *,
    subject: Subject = None,
    parked_as: ParkedAs = None,
    batch: BatchReference = None,
    since: Since = None,
    until: Until = None,
    with_ended: Annotated[bool, typer.Option("--all", help="Those, too, that were replayed or discarded.")] = False,
    ended_as: EndedAs = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many messages are listed; all are counted.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what is parked, by its reason. It only looks. E.g. `allocation parked list --batch batch-001 --since 2h`."""
    from allocation.commands import parked_shown  # noqa: PLC0415 - keeps help fast
    from allocation.operators import parked  # noqa: PLC0415 - keeps help fast

    filters, outcome = Filters.of(subject, parked_as, batch, since, until), checked_ending(ended_as)
    where = filters.where(with_ended=with_ended or outcome is not None)

    async def look(settings: Settings) -> Listing:
        return await parked.listing(settings, where, filters.batch_reference, outcome, limit)

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

    (wanted,) = places_of([place])
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
    from allocation.commands import parked_endings_shown as shown  # noqa: PLC0415 - keeps help fast
    from allocation.operators import parked_endings  # noqa: PLC0415 - keeps help fast

    chosen, others = chosen_places(
        places, Filters.of(subject, parked_as, batch, since, until), "Replay", everything=everything, yes=yes
    )
    asked: list[int] = []
    replayed: list[Replayed] = []

    def tell() -> None:
        if chosen and not asked:
            return  # Nothing was begun, and why was said.
        rest = shown.Rest(len(chosen) - len(replayed), sum(asked) - len(replayed))
        if as_json:
            typer.echo(shown.replays_as_json(replayed, rest, others))
        else:
            typer.echo(shown.replays_summed_up(replayed, rest, others), err=rest.not_reached > 0)

    async def carry_out(settings: Settings) -> None:
        with progress("replaying", len(chosen)) as progressed:
            async with aclosing(parked_endings.replay(settings, chosen, asked.append, progressed)) as replays:
                async for one in replays:
                    replayed.append(one)
                    if not as_json:
                        typer.echo(shown.replayed_for_people(one))

    run_to_the_end(carry_out, tell) if chosen else tell()
    if any(one.is_still_parked for one in replayed):
        raise typer.Exit(SOME_STILL_PARKED)


@app.command()
def discard(  # noqa: PLR0913 - each is an option
    places: Places = None,
    *,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for whoever looks later; it is kept.")] = None,
    subject: Subject = None,
    parked_as: ParkedAs = None,
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
    from allocation.commands import parked_endings_shown as shown  # noqa: PLC0415 - keeps help fast
    from allocation.operators import parked_endings  # noqa: PLC0415 - keeps help fast

    given = None if reason is None else _checked_reason(reason)
    chosen, others = chosen_places(
        places, Filters.of(subject, parked_as, batch, since, until), "Discard", everything=everything, yes=yes
    )
    why = given or (_checked_reason(ask_for("Why are they discarded?", "--reason")) if chosen else "")
    asked: list[int] = []
    portions: list[Discarded] = []

    def tell() -> None:
        if chosen and not asked:
            return  # Nothing was begun, and why was said.
        reached, discarded = sum(one.asked for one in portions), sum(one.discarded for one in portions)
        rest = shown.Rest(len(chosen) - reached, sum(asked) - reached)
        if as_json:
            typer.echo(shown.discarded_as_json(discarded, reached, rest, why, others))
        else:
            typer.echo(shown.discarded_summed_up(discarded, reached, rest, others), err=rest.not_reached > 0)

    async def carry_out(settings: Settings) -> None:
        with progress("discarding", len(chosen)) as progressed:
            async for one in parked_endings.discard(settings, chosen, why, asked.append, progressed):
                portions.append(one)  # noqa: PERF401 - what was done until it is interrupted is kept

    run_to_the_end(carry_out, tell) if chosen else tell()


def _checked_reason(text: str) -> str:
    reason = text.strip()
    if not 0 < len(reason) <= _REASON_CHARACTERS_MAX or not reason.isprintable():
        raise typer.BadParameter(
            f"a reason has 1 to {_REASON_CHARACTERS_MAX:,} characters, no control characters; this one has {len(reason):,}",
            param_hint="--reason",
        )
    return reason
