"""What verifying and repairing found on paper: for people, and as JSON with stable keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.adapters.sql.rows import instant
from allocation.commands.instants import written as when
from allocation.commands.terminal import counted, json_text, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from allocation.operators.books.disagreement import Disagreement
    from allocation.operators.verify import Repaired, Verified


_LOG = "events"
"""The one book that is forgotten up to a position; the others are up to an instant."""


def for_people(found: Verified, limit: int) -> str:
    """Write a paragraph for each disagreement, and what was compared."""
    return "\n".join(_lines(found, limit))


def as_json(found: Verified, limit: int) -> str:
    """Write the same."""
    return json_text(_verified(found, limit))


def repaired_for_people(_before: Verified, repaired: Sequence[Repaired], after: Verified, limit: int) -> str:
    """Write what was changed and what was not, and what still disagrees."""
    return "\n".join([*_lines_of_repair(repaired), "Verified again:", *_lines(after, limit)])


def repaired_as_json(before: Verified, repaired: Sequence[Repaired], after: Verified, limit: int) -> str:
    """Write the same."""
    return _repair_as_json(before, repaired, after, limit)


def repairs_for_people(before: Verified, repaired: Sequence[Repaired], _limit: int) -> str:
    """Write what was changed before it was interrupted, and of how many products nothing is known: one may be mended."""
    left = len(before.repairable_skus) - len(repaired)
    return "\n".join([*_lines_of_repair(repaired), f"Of {counted(left, 'product')} nothing is known: do it again."])


def repairs_as_json(before: Verified, repaired: Sequence[Repaired], limit: int) -> str:
    """Write the same; `after` is null."""
    return _repair_as_json(before, repaired, None, limit)


def _repair_as_json(before: Verified, repaired: Sequence[Repaired], after: Verified | None, limit: int) -> str:
    products = [{"sku": one.sku, "changes": one.changes, "refusals": one.refusals} for one in repaired]
    shown = None if after is None else _verified(after, limit)
    return json_text({"before": _verified(before, limit), "repaired": products, "after": shown})


def _lines(found: Verified, limit: int) -> Iterator[str]:
    for disagreement in found.disagreements[:limit]:
        yield from _paragraph(disagreement)
    count = len(found.disagreements)
    if count > limit:
        yield f"… and {count - limit:,} more; --limit {count} lists all"
    for row in found.truncated:
        yield (
            f"Forgotten by age of {row.name}: {row.rows:,} rows, last at {when(instant(row.truncated_at))}; "
            "they cannot be compared, and are counted out."
        )
    compared = ", ".join(f"{rows:,} {table}" for table, rows in found.checked.items())
    yield f"Compared: {compared}."
    yield f"Disagreements: {count:,}." if count else "All books agree."


def _paragraph(found: Disagreement) -> Iterator[str]:
    yield f"{found.kind}{'  ' + printable(found.sku) if found.sku else ''}"
    yield f"  what       {printable(found.what)}"
    yield f"  is         {printable(found.found)}"
    yield f"  should be  {printable(found.should_be)}"
    yield f"  next       {printable(found.advice)}"


def _lines_of_repair(repaired: Sequence[Repaired]) -> Iterator[str]:
    for product in repaired:
        yield f"{printable(product.sku)}:"
        for change in product.changes:
            yield f"  changed    {printable(change)}"
        for refusal in product.refusals:
            yield f"  left       {printable(refusal)}"
        if not product.changes and not product.refusals:
            yield "  nothing was to be changed any more"


def _verified(found: Verified, limit: int) -> dict[str, Any]:
    return {
        "disagreements": [
            {
                "kind": one.kind,
                "sku": one.sku or None,
                "what": one.what,
                "is": one.found,
                "should_be": one.should_be,
                "is_repairable": one.is_repairable,
                "next": one.advice,
            }
            for one in found.disagreements[:limit]
        ],
        "disagreements_total": len(found.disagreements),
        "checked": found.checked,
        "truncated": [
            {
                "table": row.name,
                "rows": row.rows,
                "through": None if row.name == _LOG else when(instant(row.through)),
                "through_position": row.through if row.name == _LOG else None,
                "truncated_at": when(instant(row.truncated_at)),
            }
            for row in found.truncated
        ],
    }
