"""What one batch does: the book's first chapter."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from allocation.domain.batch import Batch
from tests.unit.domain.shop import LATER, TODAY, TOMORROW


def batch_of(quantity: int) -> Batch:
    return Batch.create("batch-001", "SMALL-TABLE", quantity, TODAY)


def test_allocating_to_a_batch_reduces_the_available_quantity() -> None:
    batch = batch_of(20)
    batch.allocate(2)
    assert batch.available_quantity == 18


def test_can_allocate_if_available_greater_than_required() -> None:
    assert batch_of(20).can_allocate(2)


def test_cannot_allocate_if_available_smaller_than_required() -> None:
    assert not batch_of(2).can_allocate(20)


def test_can_allocate_if_available_equal_to_required() -> None:
    assert batch_of(2).can_allocate(2)


def test_a_batch_is_never_oversold() -> None:
    batch = batch_of(10)
    with pytest.raises(AssertionError, match="'batch-001' has 10 left, not 11"):
        batch.allocate(11)
    assert batch.allocated_quantity == 0


def test_deallocating_gives_the_units_back() -> None:
    batch = batch_of(20)
    batch.allocate(20)
    batch.deallocate(5)
    assert batch.available_quantity == 5


def test_cannot_take_back_more_than_was_promised() -> None:
    batch = batch_of(20)
    batch.allocate(2)
    with pytest.raises(AssertionError, match="'batch-001' has promised 2, not 3"):
        batch.deallocate(3)
    assert batch.allocated_quantity == 2


def test_stock_that_is_there_is_preferred_then_the_earliest_then_the_reference() -> None:
    batches = [
        Batch.create("a-late", "SMALL-TABLE", 1, LATER),
        Batch.create("b-soon", "SMALL-TABLE", 1, TOMORROW),
        Batch.create("a-soon", "SMALL-TABLE", 1, TOMORROW),
        Batch.create("z-there", "SMALL-TABLE", 1, None),
        Batch.create("y-there", "SMALL-TABLE", 1, None),
    ]
    batches.sort(key=lambda batch: batch.preference)
    assert [batch.reference for batch in batches] == ["y-there", "z-there", "a-soon", "b-soon", "a-late"]


def test_stock_that_is_there_is_preferred_to_stock_of_any_instant() -> None:
    in_stock = Batch.create("z-there", "SMALL-TABLE", 1, None)
    as_early_as_can_be = Batch.create("a-shipment", "SMALL-TABLE", 1, datetime.min.replace(tzinfo=UTC))
    assert in_stock.preference < as_early_as_can_be.preference


def test_a_batch_fits_to_its_target_no_further_than_its_promises_allow() -> None:
    batch = batch_of(10)
    batch.allocate(6)
    batch.target_quantity = 4
    assert batch.fit_to_target()
    assert (batch.purchased_quantity, batch.is_shrinking) == (6, True)
    batch.deallocate(3)
    assert batch.fit_to_target()
    assert (batch.purchased_quantity, batch.is_shrinking) == (4, False)
    assert not batch.fit_to_target()
