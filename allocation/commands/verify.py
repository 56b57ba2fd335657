"""`allocation verify`: whether the books of the service agree with each other, and mending those that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from allocation.commands.running import run
from allocation.commands.terminal import confirm, counted, progress

if TYPE_CHECKING:
    from allocation.operators.verify import Repaired, Verified
    from allocation.settings import Settings

SOMETHING_DISAGREES = 3


def verify(
    *,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what the other books prove; the rest is named.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many disagreements are listed; all are counted.")] = 1_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare every counter with the lines, every line with the log, every sku_sequence with the one before it.

    It only looks, also while the service runs. Ends with status 3 if something disagrees.
    With --repair: counters become what the lines say, lines stand where the log says, and a batch that has promised more than
    it holds loses the lines promised last; each repair is logged. E.g. `allocation verify --repair`.
    """
    from allocation.commands import verify_shown  # noqa: PLC0415 - keeps help fast

    found = _verified()
    asked: list[str] = []
    repaired: list[Repaired] = []
    if repair and found.repairable_skus:
        if not as_json:
            typer.echo(verify_shown.for_people(found, limit))
        confirm(f"Mend {counted(len(found.repairable_skus), 'product')}?", yes=yes)
        try:
            _repair(found, asked, repaired)
        except typer.Exit:  # What was mended until then stays so.
            if asked:
                report = verify_shown.repairs_as_json if as_json else verify_shown.repairs_for_people
                typer.echo(report(found, repaired, limit))
            raise
        before, found = found, _verified()
        report_all = verify_shown.repaired_as_json if as_json else verify_shown.repaired_for_people
        typer.echo(report_all(before, repaired, found, limit))
    elif repair and as_json:  # Nothing can be mended, and it is told under the same keys.
        typer.echo(verify_shown.repaired_as_json(found, repaired, found, limit))
    else:
        typer.echo(verify_shown.as_json(found, limit) if as_json else verify_shown.for_people(found, limit))
    if found.disagreements:
        raise typer.Exit(SOMETHING_DISAGREES)


def _verified() -> Verified:
    from allocation.operators import verify as operator  # noqa: PLC0415 - keeps help fast

    async def look(settings: Settings) -> Verified:
        with progress("reading the log", await operator.log_rows(settings)) as progressed:
            return await operator.verify(settings, progressed)

    return run(look)


def _repair(found: Verified, asked: list[str], repaired: list[Repaired]) -> None:
    from allocation.operators import verify as operator  # noqa: PLC0415 - keeps help fast

    async def mend(settings: Settings) -> None:
        with progress("mending", len(found.repairable_skus)) as progressed:
            async for one in operator.repair(settings, found, progressed, asked.append):
                repaired.append(one)  # noqa: PERF401 - what was done until it is interrupted is kept

    run(mend)
