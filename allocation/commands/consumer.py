"""`allocation consumer`: how far the inbound stream was consumed, and having it delivered again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from allocation.commands.instants import instant, written
from allocation.commands.running import run
from allocation.commands.terminal import confirm

if TYPE_CHECKING:
    from datetime import datetime

    from allocation.operators.consumer_progress import Progress

app = typer.Typer(
    name="consumer",
    help="How far the inbound stream was consumed, and having it delivered again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
SOMETHING_FOUND = 3
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show how far the consumer is, and whether the database is with it. It only looks.

    Ends with status 3 if the database is behind what was acknowledged, or ahead of what the stream holds, as after an older
    copy of one of both was put back.
    """
    from allocation.commands import consumer_shown  # noqa: PLC0415 - keeps help fast
    from allocation.operators import consumer  # noqa: PLC0415 - keeps help fast

    found = run(consumer.status)
    typer.echo(consumer_shown.as_json(found) if as_json else consumer_shown.for_people(found))
    if found.findings:
        raise typer.Exit(SOMETHING_FOUND)


@app.command()
def reset(
    *,
    from_sequence: Annotated[int | None, typer.Option("--from-sequence", min=1, help="The first that is delivered.")] = None,
    from_time: Annotated[
        str | None, typer.Option("--from-time", help="All that the stream took in since: a time, or an age like 2h.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have the inbound stream delivered again from a place on. What took effect takes none again, what did not takes it now.

    It needs the broker; the service may run. E.g. `allocation consumer reset --from-sequence 1`.
    """
    from allocation.commands import consumer_shown  # noqa: PLC0415 - keeps help fast
    from allocation.operators import consumer  # noqa: PLC0415 - keeps help fast

    start = _start(from_sequence, from_time)
    progress = run(consumer.status).progress
    _require_reachable(start, progress)
    where = f"sequence {start}" if isinstance(start, int) else f"what came since {written(start)}"
    if skipped := consumer_shown.skipped(start, progress):
        typer.echo(skipped, err=True)
    confirm(f"Have stream {progress.stream} ({_span(progress)}) delivered again from {where} on?", yes=yes)
    pending = run(lambda settings: consumer.reset(settings, start))
    typer.echo(
        consumer_shown.reset_as_json(progress, pending) if as_json else consumer_shown.reset_for_people(progress, pending)
    )


def _start(from_sequence: int | None, from_time: str | None) -> int | datetime:
    if from_sequence is not None and from_time is None:
        return from_sequence
    if from_time is not None and from_sequence is None:
        return instant(from_time)
    raise typer.BadParameter("say where it is to begin: --from-sequence or --from-time, one of them")


def _require_reachable(start: int | datetime, progress: Progress) -> None:
    """Refuse a beginning that would pass over messages that are still to come."""
    from datetime import UTC, datetime  # noqa: PLC0415 - for this check alone

    if isinstance(start, int) and start > progress.last_sequence + 1:
        raise typer.BadParameter(
            f"{start} is beyond the end of stream {progress.stream}: the next message gets {progress.last_sequence + 1}",
            param_hint="--from-sequence",
        )
    if isinstance(start, datetime) and start > datetime.now(UTC):
        raise typer.BadParameter(f"{written(start)} is still to come", param_hint="--from-time")


def _span(progress: Progress) -> str:
    if progress.first_sequence > progress.last_sequence:
        return "empty"
    return f"{progress.first_sequence} to {progress.last_sequence}"
