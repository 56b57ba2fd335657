"""Every statement that loads finds its rows by an index: its cost does not grow with what it was not asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from allocation.service_layer.records import InboxKey, LineKey, StreamPlace
from allocation.service_layer.store import Changes, Footprint
from tests.integration.stores.examples import RUG, Opened, batch, on_batch, product, rows_of_everything
from tests.integration.stores.listening import engine_of, listening, reading_engine_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from allocation.adapters.sql.reader import SqlReader
    from allocation.adapters.sql.sqlite_store import SqliteStore
    from allocation.service_layer.store import Transaction
    from tests.integration.stores.listening import Statement

LINE = LineKey("order-1", RUG)


def plans(engine: Engine, statements: list[Statement]) -> list[str]:
    """Ask SQLite how it would execute each of the selects."""
    found = []
    with engine.connect() as connection:
        for statement, parameters in statements:
            if statement.startswith("SELECT"):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                found.append(" | ".join(str(row.detail) for row in rows))
    return found


async def plans_of_load(store: SqliteStore, footprint: Footprint) -> list[str]:
    with listening(engine_of(store)) as heard:
        await store.transact(lambda transaction: transaction.load(footprint))
    return plans(engine_of(store), heard)


def check_no_scan(found: list[str]) -> None:
    assert found
    for plan in found:
        for step in plan.split(" | "):
            # The keys that are looked for may be gone through one by one; a table never is.
            assert not step.startswith("SCAN") or "CONSTANT ROW" in step or "VIRTUAL TABLE" in step, plan
            assert "TEMP B-TREE" not in step, plan


@pytest.mark.parametrize(
    "footprint",
    [
        Footprint(skus={RUG, "LAMP"}),
        Footprint(lines={LINE, LineKey("order-2", RUG)}),
        Footprint(batches={"b1", "b2"}, changed_batches={"b1", "b2"}),
        Footprint(inbox={InboxKey("/shop", "7"), InboxKey("/shop", "8")}),
        Footprint(places={StreamPlace("INBOUND", 1, 8), StreamPlace("INBOUND", 1, 9)}),
        Footprint(streams={"INBOUND", "EVENTS"}),
    ],
    ids=["skus", "lines", "batches", "inbox", "redelivered", "streams"],
)
async def test_what_a_group_touches_is_found_without_going_through_a_table(
    on_sqlite: tuple[SqliteStore, SqlReader], footprint: Footprint
) -> None:
    await Opened(*on_sqlite).write(rows_of_everything())
    check_no_scan(await plans_of_load(on_sqlite[0], footprint))


async def test_batches_in_use_are_found_by_the_index_that_holds_no_others(on_sqlite: tuple[SqliteStore, SqlReader]) -> None:
    *_, batches, products = await plans_of_load(on_sqlite[0], Footprint(skus={RUG}))
    assert "batches_with_room (sku=?)" in batches
    assert "products USING PRIMARY KEY (sku=?)" in products


async def test_the_latest_lines_are_found_by_batch_and_promise_number(on_sqlite: tuple[SqliteStore, SqlReader]) -> None:
    store, reader = on_sqlite
    await Opened(store, reader).write(
        Changes(products=[product()], new_batches=[batch("b1", 50, 40)], new_lines=[on_batch(number) for number in range(40)])
    )
    found = await plans_of_load(store, Footprint(batches={"b1"}, changed_batches={"b1"}))
    (of_each,) = (plan for plan in found if "lines_on_batch" in plan)
    assert of_each.count("lines_on_batch (batch_reference=?") == 2
    assert "promise_number>?" in of_each
    check_no_scan(found)


async def test_pages_of_lines_are_read_along_an_index_in_order(on_sqlite: tuple[SqliteStore, SqlReader]) -> None:
    def both(transaction: Transaction) -> None:
        transaction.latest_lines("b1", 100, 10)
        transaction.waiting_lines(RUG, 0, 5, 10)

    store, _ = on_sqlite
    with listening(engine_of(store)) as heard:
        await store.transact(both)
    latest, waiting = plans(engine_of(store), heard)
    assert "lines_on_batch (batch_reference=? AND promise_number<?)" in latest
    assert "lines_waiting (sku=? AND promise_number>?)" in waiting
    check_no_scan([latest, waiting])


async def test_readers_find_what_they_look_for(on_sqlite: tuple[SqliteStore, SqlReader]) -> None:
    store, reader = on_sqlite
    await Opened(store, reader).write(rows_of_everything())
    with listening(reading_engine_of(reader).sync_engine) as heard:
        await reader.batch("b1")
        await reader.batches(RUG, "", 10)
        await reader.lines("order-1", "", 10)
        await reader.outbox_positions(["event-1", "event-2"])
        await reader.stream("INBOUND")
    found = plans(engine_of(store), heard)
    assert "batches_of_sku (sku=? AND reference>?)" in found[1]
    assert "PRIMARY KEY (order_id=? AND line_id>?)" in found[2]
    check_no_scan(found)


async def test_the_outbox_is_read_in_order_without_sorting_or_the_log(
    on_sqlite: tuple[SqliteStore, SqlReader],
) -> None:
    store, reader = on_sqlite
    with listening(reading_engine_of(reader).sync_engine) as heard:
        await reader.outbox(500)
    (plan,) = plans(engine_of(store), heard)
    assert plan == "SCAN outbox | SEARCH events USING INTEGER PRIMARY KEY (rowid=?)"
