"""What the service does about each command, through bus and store: the book's handler tests."""

from __future__ import annotations

import pytest
from stock.allocation.v1 import events_pb2

from allocation.domain.commands import ChangeBatchQuantity, CreateBatch
from allocation.domain.errors import BatchConflict, LineConflict, UnknownBatch, UnknownSku
from allocation.domain.order_line import LineState
from allocation.domain.product_state import Reallocation
from tests.unit.house import LATER, TODAY, TOMORROW, House, allocate, asked, decoded, place


class TestAddBatch:
    """CreateBatch."""

    def test_for_new_product(self) -> None:
        house = House()
        batch = house.do(CreateBatch("b1", "CRUNCHY-ARMCHAIR", 100))
        assert (batch.reference, batch.available_quantity) == ("b1", 100)
        assert house.store.products["CRUNCHY-ARMCHAIR"].batch_count == 1

    def test_for_existing_product(self) -> None:
        house = House()
        house.do(CreateBatch("b1", "GARISH-RUG", 100), CreateBatch("b2", "GARISH-RUG", 99))
        assert sorted(house.store.batches_by_reference) == ["b1", "b2"]
        assert house.store.products["GARISH-RUG"].batch_count == 2

    def test_announces_the_stock(self) -> None:
        house = House()
        house.do(CreateBatch("b1", "GARISH-RUG", 100, TOMORROW))
        announced = decoded(house.store.log[0])
        assert isinstance(announced, events_pb2.StockChanged)
        assert (announced.batch_reference, announced.purchased_quantity) == ("b1", 100)
        assert announced.eta.seconds == TOMORROW.timestamp()

    def test_repeated_changes_nothing_and_answers_the_batch(self) -> None:
        house = House()
        house.do(CreateBatch("b1", "GARISH-RUG", 100), allocate("o1", "GARISH-RUG", 10))
        before = house.dump()
        assert house.do(CreateBatch("b1", "GARISH-RUG", 100)).allocated_quantity == 10
        assert house.dump() == before

    def test_repeated_after_its_quantity_changed_is_still_the_same_batch(self) -> None:
        house = House()
        house.do(CreateBatch("b1", "GARISH-RUG", 100), ChangeBatchQuantity("b1", 7))
        before = house.dump()
        assert house.do(CreateBatch("b1", "GARISH-RUG", 100)).purchased_quantity == 7
        assert house.dump() == before

    @pytest.mark.parametrize(
        "other",
        [
            CreateBatch("b1", "GARISH-RUG", 7),
            CreateBatch("b1", "LOVELY-RUG", 100),
            CreateBatch("b1", "GARISH-RUG", 100, TOMORROW),
        ],
    )
    def test_with_other_content_is_rejected(self, other: CreateBatch) -> None:
        house = House()
        house.do(CreateBatch("b1", "GARISH-RUG", 100), ChangeBatchQuantity("b1", 7))
        before = house.dump()
        with pytest.raises(BatchConflict, match="was created with sku 'GARISH-RUG', quantity 100, eta None; asked were"):
            house.do(other)
        assert house.dump() == before

    def test_twice_in_one_group_is_one_batch(self) -> None:
        house = House()
        create = CreateBatch("b1", "GARISH-RUG", 100)
        first, second = house.carry_out(asked(create), asked(create)).answers
        assert first.reference == second.reference == "b1"
        assert house.told() == ["StockChanged"]
        assert house.store.products["GARISH-RUG"].batch_count == 1

    def test_is_answered_with_the_batch_before_its_companions_changed_it(self) -> None:
        house = House()
        commands = [CreateBatch("b1", "GARISH-RUG", 9), allocate("o1", "GARISH-RUG", 9), ChangeBatchQuantity("b1", 4)]
        created, _, changed = house.carry_out(*map(asked, commands)).answers
        assert (created.purchased_quantity, created.allocated_quantity) == (9, 0)
        assert (changed.batch.purchased_quantity, changed.batch.allocated_quantity) == (4, 0)

    def test_of_another_sku_in_one_group_is_rejected(self) -> None:
        house = House()
        created = [asked(CreateBatch("b1", sku, 100)) for sku in ("GARISH-RUG", "LOVELY-RUG")]
        assert isinstance(house.carry_out(*created).answers[1], BatchConflict)
        assert set(house.store.products) == {"GARISH-RUG"}


class TestAllocate:
    """Allocate and PlaceOrder."""

    def test_allocates(self) -> None:
        house = House()
        status = house.do(CreateBatch("batch1", "COMPLICATED-LAMP", 100), allocate("o1", "COMPLICATED-LAMP", 10))
        assert status.batch_reference == "batch1"
        assert house.store.batches_by_reference["batch1"].available_quantity == 90

    def test_errors_for_invalid_sku(self) -> None:
        house = House()
        house.do(CreateBatch("b1", "AREALSKU", 100))
        before = house.dump()
        with pytest.raises(UnknownSku, match="no batch of sku 'NONEXISTENTSKU' was ever created"):
            house.do(allocate("o1", "NONEXISTENTSKU", 10))
        assert house.dump() == before

    def test_errors_for_a_line_known_under_another_sku(self) -> None:
        house = House()
        house.do(CreateBatch("b1", "POPULAR-CURTAINS", 9), CreateBatch("b2", "DULL-CURTAINS", 9))
        house.do(allocate("o1", "POPULAR-CURTAINS", 9, line_id="line-1"))
        before = house.dump()
        with pytest.raises(LineConflict, match="'line-1' of order 'o1' was requested with sku 'POPULAR-CURTAINS', quantity 9"):
            house.do(allocate("o1", "DULL-CURTAINS", 9, line_id="line-1"))
        assert house.dump() == before

    def test_announces_out_of_stock(self) -> None:
        house = House()
        status = house.do(CreateBatch("b1", "POPULAR-CURTAINS", 9), allocate("o1", "POPULAR-CURTAINS", 10))
        assert status.state is LineState.OUT_OF_STOCK
        assert house.told() == ["StockChanged", "OutOfStock"]
        assert house.store.kept == {}

    def test_a_repeated_line_finds_its_exhausted_batch(self) -> None:
        house = House()
        house.do(CreateBatch("b1", "POPULAR-CURTAINS", 9), allocate("o1", "POPULAR-CURTAINS", 9))
        assert house.do(allocate("o1", "POPULAR-CURTAINS", 9)).batch_reference == "b1"

    def test_an_order_keeps_lines_of_unknown_skus(self) -> None:
        house = House()
        house.do(CreateBatch("b1", "GARISH-RUG", 100))
        statuses = house.do(place("o1", GARISH_RUG=10, MISBEGOTTEN_RUG=3))
        assert [status.state for status in statuses] == [LineState.ALLOCATED, LineState.BACKORDERED]
        with pytest.raises(UnknownSku):
            house.do(allocate("o2", "MISBEGOTTEN-RUG", 1))
        house.do(CreateBatch("b2", "MISBEGOTTEN-RUG", 3))
        assert house.told()[-2:] == ["StockChanged", "Allocated"]

    def test_every_event_tells_what_began_it_and_what_caused_it(self) -> None:
        house = House()
        house.carry_out(asked(CreateBatch("b1", "GARISH-RUG", 100), "the-spring-collection", "request-7"))
        event = house.store.log[0]
        assert (event.event_id, event.occurred_at) == ("event-1", TODAY)
        assert (event.correlation_id, event.causation_id) == ("the-spring-collection", "request-7")


class TestChangeBatchQuantity:
    """ChangeBatchQuantity."""

    def test_changes_available_quantity(self) -> None:
        house = House()
        house.do(CreateBatch("batch1", "ADORABLE-SETTEE", 100))
        changed = house.do(ChangeBatchQuantity("batch1", 50))
        assert changed.batch.available_quantity == 50
        assert house.store.batches_by_reference["batch1"].available_quantity == 50

    def test_reallocates_if_necessary(self) -> None:
        house = House()
        house.do(
            CreateBatch("batch1", "INDIFFERENT-TABLE", 50),
            CreateBatch("batch2", "INDIFFERENT-TABLE", 50, LATER),
            allocate("order1", "INDIFFERENT-TABLE", 20),
            allocate("order2", "INDIFFERENT-TABLE", 20),
        )
        changed = house.do(ChangeBatchQuantity("batch1", 25))
        assert changed.reallocation == Reallocation(deallocated=1, reallocated=1)
        available = {name: batch.available_quantity for name, batch in house.store.batches_by_reference.items()}
        assert available == {"batch1": 5, "batch2": 30}

    def test_errors_for_an_unknown_batch(self) -> None:
        house = House()
        with pytest.raises(UnknownBatch, match="no batch has the reference 'batch1'"):
            house.do(ChangeBatchQuantity("batch1", 50))

    def test_of_a_batch_created_in_the_same_group(self) -> None:
        house = House()
        create, change = CreateBatch("batch1", "ADORABLE-SETTEE", 100), ChangeBatchQuantity("batch1", 5)
        lines = [allocate(f"order-{number}", "ADORABLE-SETTEE", 2) for number in range(3)]
        house.carry_out(*map(asked, [create, *lines, change]))
        assert house.told() == ["StockChanged", *["Allocated"] * 3, "Deallocated", "StockChanged", "Backordered"]
        assert house.store.batches_by_reference["batch1"].allocated_quantity == 4
