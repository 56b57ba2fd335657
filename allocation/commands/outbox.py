"""`allocation outbox`: what waits to be published, what the event stream has lost, and sending it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from allocation.commands.instants import instant
from allocation.commands.reading_settings import give_up
from allocation.commands.running import run
from allocation.commands.terminal import confirm, counted, progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from allocation.adapters.sql.outbox_reader import PublicEvent
    from allocation.operators.outbox import Sent, Status
    from allocation.operators.outbox_verification import Verification
    from allocation.settings import Settings

app = typer.Typer(
    name="outbox",
    help="The way out: what waits to be published, and what the event stream has lost.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
SOMETHING_FOUND = 3
_SHOWN_DEFAULT = 100

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Since = Annotated[str | None, typer.Option("--since", help="Only events that happened since: a time, or an age like 2h.")]
Limit = Annotated[int, typer.Option("--limit", min=0, help="How many ids of each kind are listed; all are counted.")]


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Say how many events wait, since when, and how far the stream has got. It only looks.

    Ends with status 1 if the broker cannot be asked; what waits is said all the same.
    """
    from allocation.commands import outbox_shown  # noqa: PLC0415 - keeps help fast
    from allocation.operators import outbox  # noqa: PLC0415 - keeps help fast
    from allocation.operators.event_stream import NoStreamError  # noqa: PLC0415 - keeps help fast
    from allocation.service_layer.streams import BrokerUnavailableError  # noqa: PLC0415 - keeps help fast

    async def look(settings: Settings) -> tuple[Status, str]:
        known = await outbox.status(settings)
        try:
            return await outbox.with_stream(settings, known), ""
        except (BrokerUnavailableError, NoStreamError) as error:
            return known, str(error)

    found, trouble = run(look)
    typer.echo(outbox_shown.status_as_json(found, trouble) if as_json else outbox_shown.status_for_people(found))
    if trouble:
        give_up(trouble)


@app.command()
def verify(*, since: Since = None, limit: Limit = _SHOWN_DEFAULT, as_json: AsJson = False) -> None:
    """Find which events of the log the stream does not have, e.g. after a broker was restored from an old copy.

    And which the stream has and the log does not know, after an older copy of the database was put back.
    It only looks, and reads the whole stream. Ends with status 3 if something is missing, or unknown.
    E.g. `allocation outbox verify --since 2h`.
    """
    from allocation.commands import outbox_verification_shown as shown  # noqa: PLC0415 - keeps help fast

    found = _verified(None if since is None else instant(since), limit)
    typer.echo(shown.verification_as_json(found) if as_json else shown.verification_for_people(found))
    if not found.is_well:
        raise typer.Exit(SOMETHING_FOUND)


@app.command("re-emit")
def re_emit(  # noqa: PLR0913 - each is an option
    *,
    event_id: Annotated[
        list[str] | None,
        typer.Option("--event-id", help="Just this event; also one that the stream has forgotten. May be repeated."),
    ] = None,
    since: Since = None,
    limit: Limit = _SHOWN_DEFAULT,
    wait: Annotated[float, typer.Option("--wait", min=0, help="How many seconds the service has to publish them.")] = 60.0,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Verify, then publish what is missing again, and nothing else, under the ce-id that it always had; then verify again.

    A service that is stopped publishes it at its next start. Ends with status 3 if something is still missing.
    E.g. `allocation outbox re-emit --yes`.
    """
    from allocation.commands import outbox_verification_shown as shown  # noqa: PLC0415 - keeps help fast

    since_when = None if since is None else instant(since)
    before = _verified(since_when, limit)
    ids = tuple(dict.fromkeys(event_id or ()))
    known = _known(ids)
    left_out = _left_out(known, before)
    count = len(ids) - len(left_out) if ids else before.missing
    sent, after = None, None
    if count:
        confirm(f"Publish {counted(count, 'event')} again?", yes=yes)
        sent = _send(before, [one for one in ids if one not in left_out], count, wait)
        after = _verified(since_when, limit) if sent.is_served else None
    refused = [] if after is None else [one for one in ids if one not in left_out and after.is_absent(known[one])]
    reported = shown.re_emitted_as_json if as_json else shown.re_emitted_for_people
    typer.echo(reported(before, shown.Sending(left_out, sent, refused), after))
    if after is not None and (after.missing or refused):
        raise typer.Exit(SOMETHING_FOUND)


def _verified(since: datetime | None, limit: int) -> Verification:
    from allocation.operators import outbox_verification  # noqa: PLC0415 - keeps help fast

    async def look(settings: Settings) -> Verification:
        total = await outbox_verification.stream_messages(settings)
        with progress("reading the stream", total) as progressed:
            return await outbox_verification.verify(settings, since=since, shown_max=limit, progressed=progressed)

    return run(look)


def _known(event_ids: Sequence[str]) -> dict[str, PublicEvent]:
    """Find the named events; an id that the log does not know ends the command."""
    from allocation.operators import outbox  # noqa: PLC0415 - keeps help fast

    known = run(lambda settings: outbox.named(settings, event_ids)) if event_ids else {}
    for event_id in event_ids:
        if event_id not in known:
            give_up(f"the log has no public event {event_id!r}: ids are shown by `allocation outbox verify`")
    return {event_id: known[event_id] for event_id in event_ids}


def _left_out(known: Mapping[str, PublicEvent], found: Verification) -> dict[str, str]:
    """Say of each named event that is not sent again why."""
    left_out = {}
    for event_id, event in known.items():
        if event.position in found.waiting:
            left_out[event_id] = "it waits in the outbox already"
        elif event.position in found.on_stream:
            left_out[event_id] = "it is on the stream"
        elif event.position > found.waiting.through:
            left_out[event_id] = "it happened only now, and is on its way"
    return left_out


def _send(before: Verification, event_ids: Sequence[str], count: int, wait_seconds: float) -> Sent:
    from allocation.operators import outbox  # noqa: PLC0415 - keeps help fast

    asked: list[int] = []
    queued: list[int] = []

    async def send(settings: Settings) -> Sent:
        with progress("queueing", count) as progressed:

            def note(portion: int) -> None:
                queued.append(portion)
                progressed(portion)

            return await outbox.re_emit(settings, outbox.absent(settings, before, event_ids), wait_seconds, asked.append, note)

    try:
        return run(send)
    except TimeoutError:
        give_up(
            f"{counted(count, 'event', 'is')} in the outbox, and the service did not publish that within {wait_seconds:g} s: "
            "allocation outbox status"
        )
    except typer.Exit:
        if asked:
            unanswered = sum(asked) - sum(queued)
            perhaps = f", up to {unanswered} more may be" if unanswered else ""
            done = f"{sum(queued)} of {counted(count, 'event', 'is')} in the outbox, and go out"
            typer.echo(f"{done}{perhaps}: allocation outbox status", err=True)
        raise
