"""Pages of what is committed, and the tokens that ask for the next."""

from __future__ import annotations

import pytest

from allocation.domain.commands import CreateBatch
from allocation.domain.errors import UnknownBatch
from allocation.service_layer import views
from allocation.service_layer.views import PageTokenError
from tests.unit.house import House, allocate

RUG = "GARISH-RUG"


def house_of_batches(*references: str) -> House:
    house = House()
    house.do(*(CreateBatch(reference, RUG, 10) for reference in references))
    return house


async def test_one_batch() -> None:
    batch = await views.batch(house_of_batches("b1").store, "b1")
    assert batch.reference == "b1"


async def test_an_unknown_batch() -> None:
    with pytest.raises(UnknownBatch):
        await views.batch(House().store, "b1")


async def test_pages_of_batches_by_reference_to_the_end() -> None:
    store = house_of_batches("b3", "b1", "ünï/cödé", "b5", "b2").store
    pages, token = [], ""
    while True:
        page = await views.batches(store, RUG, 2, token)
        pages.append([batch.reference for batch in page.items])
        token = page.next_page_token
        if not token:
            break
    assert pages == [["b1", "b2"], ["b3", "b5"], ["ünï/cödé"]]


async def test_a_page_that_is_exactly_full_is_the_last() -> None:
    page = await views.batches(house_of_batches("b1", "b2").store, RUG, 2, "")
    assert (len(page.items), page.next_page_token) == (2, "")


async def test_a_page_size_of_zero_means_the_default() -> None:
    house = house_of_batches(*(f"b{number:03}" for number in range(views.PAGE_SIZE_DEFAULT + 1)))
    page = await views.batches(house.store, RUG, 0, "")
    assert len(page.items) == views.PAGE_SIZE_DEFAULT
    assert page.next_page_token


async def test_an_unknown_sku_has_no_batches_and_an_unknown_order_no_lines() -> None:
    assert await views.batches(House().store, RUG, 2, "") == views.Page([], "")
    assert await views.lines(House().store, "o1", 2, "") == views.Page([], "")


async def test_pages_of_lines_by_line_id() -> None:
    house = house_of_batches("b1")
    house.do(*(allocate("o1", RUG, 1, line_id=line_id) for line_id in ("c", "a", "b")), allocate("o2", RUG, 1))
    first = await views.lines(house.store, "o1", 2, "")
    assert [status.line.line_id for status in first.items] == ["a", "b"]
    second = await views.lines(house.store, "o1", 2, first.next_page_token)
    assert [status.line.line_id for status in second.items] == ["c"]


@pytest.mark.parametrize("token", ["b1", "=", "YjE", "_w==", "ünïcödé", "YjE=\n"])
async def test_a_token_that_was_never_handed_out_is_refused(token: str) -> None:
    with pytest.raises(PageTokenError):
        await views.batches(house_of_batches("b1").store, RUG, 2, token)
