"""What is written is there afterwards, whole, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from allocation.domain.batch import Batch
from allocation.domain.order_line import KeptLine, LineState, OrderLine
from allocation.service_layer.records import Fence, InboxKey, KnownStream, LineKey, StreamPlace, UnfinishedPromising
from allocation.service_layer.store import Changes, Footprint, Loaded
from tests.integration.stores.examples import RUG, TOMORROW, batch, event, on_batch, plain, product, rows_of_everything

if TYPE_CHECKING:
    from allocation.service_layer.store import Transaction
    from tests.integration.stores.examples import Opened

FOOTPRINT = Footprint(
    skus={RUG},
    lines={LineKey("order-1", RUG)},
    batches={"b1"},
    changed_batches={"b1"},
    inbox={InboxKey("/shop", "7")},
    places={StreamPlace("INBOUND", 1, 8)},
    streams={"INBOUND"},
)


async def test_a_product_is_kept_whole(opened: Opened) -> None:
    whole = product(sku_sequence=7, promise_number=6, batch_count=5, waiting_lines=4, promised_through=3)
    await opened.write(Changes(products=[whole]))
    assert (await opened.load(Footprint(skus={RUG}))).products == [whole]
    changed = replace(whole, sku_sequence=8, promised_through=None)
    await opened.write(Changes(products=[changed]))
    assert (await opened.load(Footprint(skus={RUG}))).products == [changed]


@pytest.mark.parametrize(
    "eta",
    [None, TOMORROW, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)],
)
async def test_a_batch_is_kept_whole(opened: Opened, eta: datetime | None) -> None:
    whole = Batch("b1", RUG, 2**31 - 1, eta, 2, 4, 3)
    await opened.write(Changes(new_batches=[whole]))
    found = await opened.reader.batch("b1")
    assert found is not None
    assert plain([found]) == plain([whole])
    whole.purchased_quantity, whole.allocated_quantity, whole.target_quantity = 7, 6, 5
    await opened.write(Changes(changed_batches=[whole]))
    found = await opened.reader.batch("b1")
    assert found is not None
    assert plain([found]) == plain([whole])


async def test_a_line_is_kept_whole(opened: Opened) -> None:
    kept = KeptLine(OrderLine("order-1", "line-1", RUG, 3), 2**40, LineState.DISPLACED, None, 2**41)
    await opened.write(Changes(new_lines=[kept]))
    footprint = Footprint(lines={LineKey("order-1", "line-1")})
    assert plain((await opened.load(footprint)).lines) == plain([kept])
    kept.state, kept.batch_reference, kept.sku_sequence = LineState.ALLOCATED, "b1", 9
    await opened.write(Changes(changed_lines=[kept]))
    assert plain((await opened.load(footprint)).lines) == plain([kept])


async def test_fences_streams_and_unfinished_work_are_replaced(opened: Opened) -> None:
    for number in (1, 2):
        await opened.write(
            Changes(
                fences={"b1": Fence(number, 10 - number, number)},
                streams=[KnownStream("INBOUND", f"life {number}", number, 10 - number)],
                unfinished={RUG: UnfinishedPromising(RUG, f"correlation {number}", "causation")},
            )
        )
    loaded = await opened.load(FOOTPRINT)
    assert loaded.fences == {"b1": Fence(2, 8, 2)}
    assert loaded.streams == {"INBOUND": KnownStream("INBOUND", "life 2", 2, 8)}
    assert await opened.reader.unfinished(10) == [UnfinishedPromising(RUG, "correlation 2", "causation")]
    await opened.write(Changes(unfinished={RUG: None}))
    assert await opened.reader.unfinished(10) == []
    await opened.write(Changes(unfinished={RUG: None}))


async def test_writing_nothing_changes_nothing(opened: Opened) -> None:
    await opened.write(Changes())
    assert await opened.load(FOOTPRINT) == Loaded()


async def test_work_that_fails_before_it_wrote_has_written_nothing_and_the_next_goes_on(opened: Opened) -> None:
    def work(transaction: Transaction) -> None:
        loaded = transaction.load(FOOTPRINT)
        loaded.products.append(product())
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        await opened.store.transact(work)
    assert await opened.load(FOOTPRINT) == Loaded()
    await opened.write(rows_of_everything())
    loaded = await opened.load(FOOTPRINT)
    assert (len(loaded.batches), len(loaded.lines), len(loaded.inbox), len(loaded.parked)) == (1, 1, 1, 1)


async def test_the_answer_of_the_work_is_the_answer(opened: Opened) -> None:
    assert await opened.store.transact(lambda _: "rug") == "rug"


async def test_many_rows_of_everything_at_once(opened: Opened) -> None:
    many = range(1, 1_201)
    await opened.write(
        Changes(
            products=[product(f"SKU-{number}") for number in many],
            new_batches=[batch(f"b{number}", sku=f"SKU-{number}") for number in many],
            new_lines=[on_batch(number, f"b{number}", f"SKU-{number}") for number in many],
            events=[event(number) for number in many],
        )
    )
    loaded = await opened.load(
        Footprint(
            skus={f"SKU-{number}" for number in many},
            lines={LineKey(f"order-{number}", f"SKU-{number}") for number in many},
        )
    )
    assert (len(loaded.products), len(loaded.batches), len(loaded.lines)) == (1_200, 1_200, 1_200)
    assert [waiting.event_id for waiting in await opened.reader.outbox(2_000)] == [f"event-{number}" for number in many]
