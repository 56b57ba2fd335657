"""How a group of commands shares a transaction: order, what is full, what crashes, and what is left for later."""

from __future__ import annotations

import pytest

from allocation.domain import commands, events
from allocation.domain.commands import ChangeBatchQuantity, ContinuePromising, CreateBatch
from allocation.domain.errors import UnknownSku
from allocation.domain.order_line import LineState
from allocation.service_layer import footprints, housekeeping
from allocation.service_layer.messagebus import COMMAND_HANDLERS, EVENT_HANDLERS, CommandCrashed
from tests.unit.house import House, allocate, asked, place


def test_every_event_has_a_handler() -> None:
    assert set(EVENT_HANDLERS) == {kind for kind in vars(events).values() if _is_a(events.Event, kind)}


def test_every_command_has_a_handler() -> None:
    known = [*vars(commands).values(), *vars(housekeeping).values()]
    # A parked message is the one command that the inbox itself carries out.
    assert set(COMMAND_HANDLERS) == {kind for kind in known if _is_a(commands.Command, kind)} - {housekeeping.Park}


def test_a_command_sees_what_its_companions_did_before_it() -> None:
    house = House()
    asking = [
        CreateBatch("b1", "GARISH-RUG", 10),
        allocate("o1", "GARISH-RUG", 7),
        allocate("o2", "GARISH-RUG", 4),
        allocate("o1", "GARISH-RUG", 7),
    ]
    _, first, second, repeated = house.carry_out(*map(asked, asking)).answers
    assert (first.state, second.state) == (LineState.ALLOCATED, LineState.OUT_OF_STOCK)
    assert repeated == first


def test_a_rejection_is_an_answer_and_its_companions_stand() -> None:
    house = House()
    asking = [CreateBatch("b1", "GARISH-RUG", 10), allocate("o1", "NO-RUG", 1), allocate("o2", "GARISH-RUG", 4)]
    answers = house.carry_out(*map(asked, asking)).answers
    assert isinstance(answers[1], UnknownSku)
    assert set(house.store.products) == {"GARISH-RUG"}
    assert house.told() == ["StockChanged", "Allocated"]


def test_a_full_transaction_answers_fewer_and_does_the_others_no_harm() -> None:
    house = House(steps_max=3)
    house.do(CreateBatch("b1", "GARISH-RUG", 100))
    envelopes = [asked(allocate(f"o{number}", "GARISH-RUG", 1)) for number in range(5)]
    assert len(house.carry_out(*envelopes).answers) == 3
    assert len(house.store.kept) == 3


def test_a_command_that_fills_a_transaction_by_itself_is_still_carried_out_whole() -> None:
    house = House(steps_max=1)
    (statuses,) = house.carry_out(asked(place("o1", RUG=1, LAMP=1, DESK=1))).answers
    assert len(statuses) == 3


def test_a_group_is_cut_where_it_would_load_too_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprints, "FOOTPRINT_KEYS_MAX", 5)
    house = House()
    orders = [asked(place(f"o{number}", RUG=1, LAMP=1)) for number in range(3)]
    assert len(house.carry_out(*orders).answers) == 2
    assert len(house.carry_out(asked(place("large", A=1, B=1, C=1, D=1, E=1, F=1))).answers) == 1, "one is always carried out"


def test_a_bug_names_its_command_and_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy(_command: object, _uow: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setitem(COMMAND_HANDLERS, ChangeBatchQuantity, buggy)
    house = House()
    before = house.dump()
    with pytest.raises(CommandCrashed) as caught:
        house.carry_out(asked(CreateBatch("b1", "GARISH-RUG", 10)), asked(ChangeBatchQuantity("b1", 1)))
    assert caught.value.index == 1
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert house.dump() == before


def test_the_outcome_says_whether_anything_is_to_be_published_or_continued() -> None:
    house = House(steps_max=1)
    outcome = house.carry_out(asked(CreateBatch("b1", "GARISH-RUG", 2)))
    assert (outcome.has_public_events, outcome.leaves_unfinished) == (True, False)
    outcome = house.carry_out(asked(CreateBatch("b1", "GARISH-RUG", 2)))
    assert (outcome.has_public_events, outcome.leaves_unfinished) == (False, False)
    house.do(allocate("o1", "GARISH-RUG", 1), allocate("o2", "GARISH-RUG", 1))
    outcome = house.carry_out(asked(ChangeBatchQuantity("b1", 0)))
    assert (outcome.has_public_events, outcome.leaves_unfinished) == (True, True)


def test_what_is_unfinished_goes_on_on_account_of_what_began_it() -> None:
    house = House(steps_max=1)
    house.do(CreateBatch("b1", "GARISH-RUG", 3), *(allocate(f"o{number}", "GARISH-RUG", 1) for number in range(3)))
    logged = len(house.store.log)
    house.carry_out(asked(ChangeBatchQuantity("b1", 0), "the-flood", "request-7"))
    assert house.store.commands["GARISH-RUG"].correlation_id == "the-flood"
    assert house.finish() > 2
    assert {event.correlation_id for event in house.store.log[logged:]} == {"the-flood"}
    assert house.store.commands == {}


def test_continuing_what_is_finished_changes_nothing() -> None:
    house = House()
    house.do(CreateBatch("b1", "GARISH-RUG", 3))
    before = house.dump()
    house.do(ContinuePromising("GARISH-RUG"), ContinuePromising("NO-RUG"))
    assert house.dump() == before


def test_a_new_line_gets_nothing_while_a_sku_is_unfinished_also_in_another_transaction() -> None:
    house = House(steps_max=1)
    house.do(CreateBatch("b1", "GARISH-RUG", 3), *(allocate(f"o{number}", "GARISH-RUG", 1) for number in range(3)))
    house.do(ChangeBatchQuantity("b1", 0), CreateBatch("b2", "GARISH-RUG", 4))
    assert house.do(allocate("newcomer", "GARISH-RUG", 1)).state is LineState.OUT_OF_STOCK
    house.finish()
    assert house.store.batches_by_reference["b2"].allocated_quantity == 3
    assert house.do(allocate("newcomer", "GARISH-RUG", 1)).batch_reference == "b2"


def test_a_second_change_to_what_a_shrinking_batch_holds_by_now_ends_its_shrinking() -> None:
    house = House(steps_max=3)
    house.do(CreateBatch("b1", "GARISH-RUG", 10), *(allocate(f"o{number}", "GARISH-RUG", 1) for number in range(10)))
    house.do(ChangeBatchQuantity("b1", 2))
    assert house.store.batches_by_reference["b1"].purchased_quantity == 7
    house.do(ChangeBatchQuantity("b1", 7))
    house.finish()
    batch = house.store.batches_by_reference["b1"]
    assert (batch.purchased_quantity, batch.allocated_quantity, batch.target_quantity) == (7, 7, 7)


def _is_a(base: type, kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, base) and kind is not base
