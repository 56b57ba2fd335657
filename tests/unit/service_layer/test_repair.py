"""A product is mended inside one transaction, on what it is then, and every repair is in the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from allocation.domain.commands import ChangeBatchQuantity, CreateBatch
from allocation.domain.order_line import LineState
from allocation.service_layer.housekeeping import LineCorrection, RepairProduct
from allocation.service_layer.records import LineKey
from tests.unit.house import TOMORROW, House, allocate, place

if TYPE_CHECKING:
    from allocation.domain.order_line import KeptLine
    from allocation.service_layer.repair import Repair

RUG = "RUG"


def house_with_lines() -> House:
    """b1 of ten with two lines of four, spare of ten, and a line of 20 that waits."""
    house = House()
    house.do(CreateBatch("b1", RUG, 10), CreateBatch("spare", RUG, 10, TOMORROW))
    house.do(allocate("o1", RUG, 4), allocate("o2", RUG, 4), place("o3", RUG=20))
    return house


def kept(house: House, order_id: str) -> KeptLine:
    return house.store.kept[LineKey(order_id, RUG)]


def correct(order_id: str, batch_reference: str | None, sku_sequence: int, seen: int, **given: int) -> LineCorrection:
    return LineCorrection(
        order_id,
        RUG,
        given.get("quantity", 4),
        batch_reference,
        displaced=bool(given.get("displaced")),
        sku_sequence=sku_sequence,
        seen_sku_sequence=seen,
    )


def repair(house: House, *lines: LineCorrection, sku_sequence_min: int = 0) -> Repair:
    done: Repair = house.do(RepairProduct(RUG, sku_sequence_min, lines))
    return done


def test_a_product_that_is_right_is_left_alone() -> None:
    house = house_with_lines()
    before = house.dump()
    assert repair(house).changes == []
    assert house.dump() == before


def test_counters_are_made_right_and_the_log_has_what_was_changed() -> None:
    house = house_with_lines()
    house.store.batches_by_reference["b1"].allocated_quantity = 1
    house.store.products[RUG].waiting_lines = 0
    done = repair(house)
    assert done.changes == ["waiting_lines was 0, is 1", "batch 'b1': allocated_quantity was 1, is 8"]
    assert (house.store.batches_by_reference["b1"].allocated_quantity, house.store.products[RUG].waiting_lines) == (8, 1)
    assert house.told()[-1] == "ProductRepaired"
    assert json.loads(house.store.log[-1].payload) == {"sku": RUG, "changes": done.changes}
    assert house.store.log[-1].subject is None


def test_a_line_is_put_where_the_log_says() -> None:
    house = house_with_lines()
    line = kept(house, "o2")
    line.batch_reference, line.sku_sequence = "spare", 2
    done = repair(house, correct("o2", "b1", 4, seen=2))
    assert done.changes[0].endswith(
        "was allocated to 'spare' (4 units, sku_sequence 2), is allocated to 'b1' (4 units, sku_sequence 4)"
    )
    assert (kept(house, "o2").batch_reference, kept(house, "o2").sku_sequence) == ("b1", 4)
    promised = {batch.reference: batch.allocated_quantity for batch in house.store.batches_by_reference.values()}
    assert promised == {"b1": 8, "spare": 0}


def test_a_line_that_has_moved_since_is_left_where_it_is() -> None:
    house = house_with_lines()
    done = repair(house, correct("o2", "spare", 9, seen=3))
    assert done.changes == []
    assert done.refusals == ["line 'RUG' of order 'o2' has moved since it was looked at: verify again"]
    assert kept(house, "o2").batch_reference == "b1"


def test_a_line_that_is_not_kept_is_kept_again_with_a_number_of_its_own() -> None:
    house = house_with_lines()
    del house.store.kept[LineKey("o2", RUG)]
    repair(house, correct("o2", "b1", 4, seen=0))
    assert kept(house, "o2").promise_number == 4
    assert house.store.products[RUG].promise_number == 4
    assert house.store.batches_by_reference["b1"].allocated_quantity == 8


def test_a_line_with_another_quantity_gets_that_of_the_log() -> None:
    house = house_with_lines()
    line = kept(house, "o2")
    line.line = allocate("o2", RUG, 1, RUG).line
    repair(house, correct("o2", "b1", 4, seen=4))
    assert kept(house, "o2").line.quantity == 4
    assert house.store.batches_by_reference["b1"].allocated_quantity == 8


def test_a_line_whose_batch_is_not_there_is_refused() -> None:
    house = house_with_lines()
    done = repair(house, correct("o2", "b9", 4, seen=4))
    assert done.refusals == [
        "line 'RUG' of order 'o2' belongs on batch 'b9', which this product does not have: create the batch first"
    ]


def test_a_line_that_is_kept_for_another_sku_is_refused() -> None:
    house = house_with_lines()
    house.do(CreateBatch("lamps", "LAMP", 10), allocate("o9", "LAMP", 1, RUG))
    done = repair(house, correct("o9", "b1", 9, seen=2))
    assert done.refusals == ["line 'RUG' of order 'o9' is kept for sku 'LAMP': restore its row from a backup"]


def test_a_displaced_line_that_was_forgotten_is_tried_again() -> None:
    house = house_with_lines()
    house.do(ChangeBatchQuantity("spare", 0))
    house.do(ChangeBatchQuantity("b1", 4))
    line = kept(house, "o2")
    assert line.state is LineState.BACKORDERED
    house.store.batches_by_reference["spare"].purchased_quantity = 10
    house.store.batches_by_reference["spare"].target_quantity = 10
    line.state = LineState.DISPLACED
    assert "then 1 x Allocated" in repair(house).changes
    assert kept(house, "o2").batch_reference == "spare"


def test_sku_sequence_is_raised_before_anything_new_is_announced() -> None:
    house = house_with_lines()
    house.store.products[RUG].sku_sequence = 1
    house.store.batches_by_reference["b1"].purchased_quantity = house.store.batches_by_reference["b1"].target_quantity = 4
    house.store.batches_by_reference["b1"].allocated_quantity = 4
    done = repair(house, sku_sequence_min=5)
    assert done.changes[0] == "sku_sequence was 1, is 5"
    told = [event.sku_sequence for event in house.store.log[5:] if event.sku_sequence is not None]
    assert told == [6, 7, 8]
    assert house.store.batches_by_reference["b1"].allocated_quantity == 4


def test_a_product_without_a_row_gets_one_again() -> None:
    house = house_with_lines()
    right = house.store.products.pop(RUG)
    repair(house, sku_sequence_min=right.sku_sequence)
    assert house.store.products[RUG] == right


def test_promising_that_nothing_goes_on_with_is_gone_on_with() -> None:
    house = house_with_lines()
    house.store.products[RUG].promised_through = 0
    assert repair(house).changes[0] == "promising was unfinished, and nothing went on with it"
    assert (house.store.products[RUG].promised_through, house.store.commands) == (None, {})


def test_a_repair_that_takes_more_than_a_transaction_goes_on_by_itself() -> None:
    house = House(steps_max=2)
    house.do(CreateBatch("b1", RUG, 10))
    house.do(*(allocate(f"o{number}", RUG, 1) for number in range(10)))
    batch = house.store.batches_by_reference["b1"]
    batch.purchased_quantity = batch.target_quantity = batch.allocated_quantity = 2
    repair(house)
    assert RUG in house.store.commands
    house.finish()
    assert (house.store.products[RUG].waiting_lines, house.store.batches_by_reference["b1"].allocated_quantity) == (8, 2)
