"""What a store loads of a product that is to be mended: all its batches, what its lines come to, and lines put whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.domain.order_line import KeptLine, LineState, OrderLine
from allocation.domain.product_state import LinesHeld
from allocation.service_layer.records import LineKey, UnfinishedPromising
from allocation.service_layer.store import Changes, Footprint
from tests.integration.stores.examples import RUG, batch, on_batch, plain, product, waiting
from tests.integration.stores.test_load import references

if TYPE_CHECKING:
    from tests.integration.stores.examples import Opened


async def stocked(opened: Opened) -> None:
    await opened.write(
        Changes(
            products=[product(), product("LAMP")],
            new_batches=[batch("b1", 10, 2), batch("exhausted", 1, 1), batch("unpromised"), batch("lamps", sku="LAMP")],
            new_lines=[
                on_batch(1),
                on_batch(7),
                on_batch(2, "exhausted"),
                waiting(3),
                waiting(9),
                on_batch(4, "lamps", "LAMP"),
            ],
            unfinished={"LAMP": UnfinishedPromising("LAMP", "correlation", "causation")},
        )
    )


async def test_the_lines_are_summed_up_by_batch_and_those_that_wait_are_counted(opened: Opened) -> None:
    await stocked(opened)
    loaded = await opened.load(Footprint(skus={RUG}, recounted_skus={RUG}))
    assert loaded.held == {RUG: LinesHeld({"b1": 2, "exhausted": 1}, waiting=2, promise_number=9)}
    assert loaded.unfinished == set()


async def test_all_batches_come_also_those_without_room(opened: Opened) -> None:
    await stocked(opened)
    loaded = await opened.load(Footprint(skus={RUG}, recounted_skus={RUG}))
    assert references(loaded) == ["b1", "exhausted", "unpromised"]


async def test_a_line_of_another_sku_on_a_batch_takes_its_room_all_the_same(opened: Opened) -> None:
    await stocked(opened)
    await opened.write(Changes(new_lines=[on_batch(20, "b1", "LAMP")]))
    loaded = await opened.load(Footprint(skus={RUG}, recounted_skus={RUG}))
    assert loaded.held[RUG].promised["b1"] == 3


async def test_a_durable_command_is_known(opened: Opened) -> None:
    await stocked(opened)
    assert (await opened.load(Footprint(skus={"LAMP"}, recounted_skus={"LAMP"}))).unfinished == {"LAMP"}


async def test_a_sku_that_nobody_has_heard_of_has_no_lines(opened: Opened) -> None:
    assert (await opened.load(Footprint(skus={RUG}, recounted_skus={RUG}))).held == {RUG: LinesHeld()}


async def test_a_mended_line_is_written_whole_whether_it_was_there_or_not(opened: Opened) -> None:
    await stocked(opened)
    there = KeptLine(OrderLine("order-1", RUG, RUG, 5), 11, LineState.BACKORDERED, None, 12)
    new = KeptLine(OrderLine("order-50", RUG, RUG, 2), 13, LineState.ALLOCATED, "unpromised", 14)
    await opened.write(Changes(mended_lines=[there, new]))
    loaded = await opened.load(Footprint(lines={LineKey("order-1", RUG), LineKey("order-50", RUG)}))
    assert plain(loaded.lines) == plain([there, new])
