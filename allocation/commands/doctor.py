"""`allocation doctor`: the words in which it says what is wrong, and what to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from allocation.commands.terminal import json_text, printable

if TYPE_CHECKING:
    from allocation.operators.doctor.examination import Findings

SOMETHING_FOUND = 3


def doctor(
    *,
    thorough: Annotated[bool, typer.Option("--thorough", help="Read database and event stream whole; takes time.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="List what is well, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look at all that the service depends on, and say what is wrong and what to do about it.

    It changes nothing, and may be asked while the service runs, while it is stopped, and while the broker is away. Ends with
    status 3 if it found a warning or an error, with 0 if not. E.g. `allocation doctor --json`.
    """
    findings = asyncio.run(_examine(thorough=thorough))
    typer.echo(_as_json(findings) if as_json else _for_people(findings, verbose=verbose))
    if any(finding.level.value in ("warning", "error") for _, finding in findings):
        raise typer.Exit(SOMETHING_FOUND)


async def _examine(*, thorough: bool) -> Findings:
    import logging  # noqa: PLC0415 - keeps help fast

    import structlog  # noqa: PLC0415 - keeps help fast

    from allocation.operators.doctor.examination import examine  # noqa: PLC0415 - keeps help fast

    # What the parts of the service log on their way is for the service's log; the findings say what came of it.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return await examine(thorough=thorough)


def _as_json(findings: Findings) -> str:
    rows = [
        {"check": check, "level": one.level.value, "found": one.found, "advice": one.advice or None} for check, one in findings
    ]
    counts = {level: sum(row["level"] == level for row in rows) for level in ("ok", "note", "warning", "error")}
    return json_text({"findings": rows, "counts": counts})


def _for_people(findings: Findings, *, verbose: bool) -> str:
    lines, well = [], 0
    for check, finding in findings:
        if finding.level.value == "ok" and not verbose:
            well += 1
            continue
        lines.append(f"{finding.level.value:<8} {check}: {printable(finding.found)}")
        if finding.advice:
            lines.append(f"{'':<8}   do: {printable(finding.advice)}")
    bad = [finding for _, finding in findings if finding.level.value in ("warning", "error")]
    told = f" Findings that are well: {well}; --verbose lists them." if well else ""
    errors = sum(finding.level.value == "error" for finding in bad)
    lines.append(f"Errors: {errors}, warnings: {len(bad) - errors}.{told}" if bad else f"Nothing is wrong.{told}")
    return "\n".join(lines)
