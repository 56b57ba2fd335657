"""`allocation verify` names whatever was tampered with, and nothing else; `--repair` mends what the other books prove."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from allocation.adapters.startup_error import StartupError
from allocation.operators.verify import repair, verify
from tests.integration.operators.forgeries import FORGERIES
from tests.integration.operators.ledger import forge, keep_books, rows_of, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from allocation.operators.books.disagreement import Disagreement
    from allocation.settings import Settings
    from tests.integration.operators.forgeries import Forgery


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """The books of a day in which nothing was broken."""
    await keep_books(tmp_path)
    return tmp_path


@pytest.fixture
def settings(folder: Path) -> Settings:
    """Where they are."""
    return settings_of(folder)


def kinds(disagreements: list[Disagreement]) -> list[str]:
    return sorted(found.kind for found in disagreements)


async def test_the_books_of_a_day_agree(settings: Settings) -> None:
    verified = await verify(settings)
    assert verified.disagreements == []
    assert verified.checked == {
        "products": 3,
        "batches": 4,
        "order_lines": 7,
        "events": verified.checked["events"],
        "outbox": verified.checked["outbox"],
        "inbox": 2,
        "fences": 3,
        "parked_messages": 1,
    }
    assert verified.checked["events"] > 15


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
async def test_finds_and_mends_or_leaves_that(folder: Path, settings: Settings, forgery: Forgery) -> None:
    forge(folder, *forgery.statements)
    verified = await verify(settings)
    assert kinds(verified.disagreements) == sorted(forgery.found), verified.disagreements
    assert all(found.what and found.found and found.should_be and found.advice for found in verified.disagreements)
    assert bool(verified.repairable_skus) == (sorted(forgery.found) != sorted(forgery.left))
    async for product in repair(settings, verified, lambda _: None):
        assert product.changes, product
    after = await verify(settings)
    assert kinds(after.disagreements) == sorted(forgery.left), after.disagreements
    assert not any(found.is_repairable for found in after.disagreements)


async def test_an_oversold_batch_loses_the_line_promised_last_and_that_is_announced(folder: Path, settings: Settings) -> None:
    forge(
        folder,
        "UPDATE batches SET purchased_quantity = 4, target_quantity = 4, allocated_quantity = 4 WHERE reference = 'rugs-1'",
    )
    before = rows_of(folder, "SELECT max(position) FROM events")[0][0]
    assert [one.sku async for one in repair(settings, await verify(settings), lambda _: None)]
    logged = rows_of(folder, "SELECT position, type FROM events ORDER BY position")
    told = [kind.rpartition(".")[2] for position, kind in logged if position > before]
    assert told[0] == "Deallocated"
    assert told[-1] == "ProductRepaired"
    assert rows_of(folder, "SELECT allocated_quantity <= purchased_quantity FROM batches WHERE reference = 'rugs-1'") == [(1,)]


async def test_several_things_are_found_at_once_and_mended_together(folder: Path, settings: Settings) -> None:
    forge(
        folder,
        "UPDATE products SET waiting_lines = 9, batch_count = 0 WHERE sku = 'RUG'",
        "UPDATE batches SET allocated_quantity = 0 WHERE reference = 'lamps'",
        "DELETE FROM order_lines WHERE order_id = 'o7'",
    )
    verified = await verify(settings)
    assert verified.repairable_skus == ["LAMP", "RUG"]
    assert [one.sku async for one in repair(settings, verified, lambda _: None)]
    assert (await verify(settings)).disagreements == []


async def test_what_was_forgotten_by_age_is_counted_out_and_said(folder: Path, settings: Settings) -> None:
    out_of_stock = "type = 'stock.allocation.v1.OutOfStock'"
    ((position, sku, sequence),) = rows_of(folder, f"SELECT position, sku, sku_sequence FROM events WHERE {out_of_stock}")  # noqa: S608 - ours
    forge(folder, f"DELETE FROM outbox WHERE position = {position}", f"DELETE FROM events WHERE position = {position}")  # noqa: S608 - ours
    assert kinds((await verify(settings)).disagreements) == ["sequence_gap"]
    forge(
        folder,
        "INSERT INTO truncations VALUES ('events', 1, 99, 1767225600000000)",
        f"INSERT INTO truncated_sequences VALUES ('{sku}', 1, {sequence})",  # noqa: S608 - ours
    )
    verified = await verify(settings)
    assert verified.disagreements == []
    assert [tuple(row) for row in verified.truncated] == [("events", 1, 99, 1767225600000000)]
    forge(folder, f"UPDATE truncated_sequences SET events = 0 WHERE sku = '{sku}'")  # noqa: S608 - ours
    assert kinds((await verify(settings)).disagreements) == ["sequence_gap"], "it explains no more than was forgotten"


async def test_a_folder_without_a_database_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="there is no database"):
        await verify(settings_of(tmp_path))


@pytest.mark.parametrize(
    ("forgery", "kind"),
    [
        ("UPDATE order_lines SET quantity = 'many' WHERE order_id = 'o1'", "row_damaged"),
        ("UPDATE order_lines SET quantity = 1099511627776 WHERE order_id = 'o1'", "line_stands_elsewhere"),
        ("UPDATE batches SET target_quantity = 'some' WHERE reference = 'desks'", "row_damaged"),
        ("UPDATE products SET sku_sequence = 'last' WHERE sku = 'DESK'", "row_damaged"),
        ("UPDATE batches SET eta = 9223372036854775807 WHERE reference = 'desks'", "batch_eta"),
    ],
)
async def test_what_was_written_by_force_is_named_and_hides_nothing(
    folder: Path, settings: Settings, forgery: str, kind: str
) -> None:
    forge(folder, forgery, "UPDATE batches SET allocated_quantity = allocated_quantity - 1 WHERE reference = 'lamps'")
    verified = await verify(settings)
    assert {kind, "batch_allocated_quantity"} <= set(kinds(verified.disagreements))
    assert verified.checked["order_lines"] == len(rows_of(folder, "SELECT 1 FROM order_lines"))
