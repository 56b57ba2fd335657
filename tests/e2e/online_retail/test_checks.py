"""A check that cannot fail checks nothing: each is shown a run that is well, and runs spoilt in one place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from stock.allocation.v1 import events_pb2
from stock.allocation.v1.line_pb2 import LineState, LineStatus

from examples.online_retail import checks
from examples.online_retail.days import Line
from tests.e2e.online_retail.story import (
    HUGE,
    MOVES,
    ORDER,
    SHELF,
    SHIPMENT,
    SKU,
    STAYS,
    a_run,
    line_event,
    status,
    stock_changed,
    what_happened,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_finds_nothing_wrong_where_all_is_well(check: checks.Check) -> None:
    assert list(check(a_run())) == []


@pytest.mark.parametrize(
    ("purchased", "allocated", "told"),
    [
        (4, 5, "has promised 5"),
        (4, 1, "says 1 promised, its lines add up to 2"),
        (5, 2, "should hold 4, and is listed with 5"),
    ],
)
def test_a_batch_that_is_not_as_it_should_be(purchased: int, allocated: int, told: str) -> None:
    run = a_run()
    shelf = run.listed.batches[SHELF]
    shelf.purchased_quantity, shelf.allocated_quantity = purchased, allocated
    assert told in " ".join(checks.no_batch_is_over_its_quantity(run))


def test_a_batch_that_is_not_listed() -> None:
    run = a_run()
    del run.listed.batches[SHIPMENT]
    assert list(checks.no_batch_is_over_its_quantity(run)) == [f"batch {SHIPMENT} is not listed"]


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        (None, "ends with Allocated, and is not listed"),
        (status(MOVES, LineState.LINE_STATE_ALLOCATED, SHELF, 8), f"listed as .*{SHELF}"),
        (status(MOVES, LineState.LINE_STATE_BACKORDERED, "", 8), "listed as .*BACKORDERED"),
        (status(MOVES, LineState.LINE_STATE_ALLOCATED, SHIPMENT, 9), "listed as .*9"),
    ],
)
def test_a_line_that_is_listed_otherwise_than_announced(listed: LineStatus | None, told: str) -> None:
    run = a_run()
    del run.listed.lines[ORDER, "2"]
    if listed is not None:
        run.listed.lines[ORDER, "2"] = listed
    [problem] = checks.the_last_event_of_each_line_is_how_it_is_listed(run)
    assert re.search(told, problem)


def test_a_line_that_is_kept_though_it_was_out_of_stock() -> None:
    run = a_run()
    run.listed.lines[ORDER, "3"] = status(HUGE, LineState.LINE_STATE_ALLOCATED, SHELF, 5)
    [problem] = checks.the_last_event_of_each_line_is_how_it_is_listed(run)
    assert problem.endswith("is out of stock by its last event, and is listed")


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        ([one for one in what_happened() if getattr(one, "line_id", "") != "2"], "has no event"),
        (what_happened()[:-1], "ends with Deallocated"),
        ([*what_happened()[:-1], line_event(events_pb2.Backordered, MOVES, sku_sequence=8)], "ends with Backordered"),
        ([*what_happened(), line_event(events_pb2.OutOfStock, STAYS, sku_sequence=9)], "out of stock by its last event"),
    ],
    ids=["silence", "no end", "another end", "one event more"],
)
def test_a_line_that_is_announced_otherwise_than_listed(happened: list[Message], told: str) -> None:
    [problem] = checks.the_last_event_of_each_line_is_how_it_is_listed(a_run(happened))
    assert told in problem


def test_a_line_that_nobody_asked_for() -> None:
    ghost = Line(ORDER, "4", SKU, 1)
    happened = [*what_happened(), line_event(events_pb2.Backordered, ghost, sku_sequence=9)]
    problems = checks.the_last_event_of_each_line_is_how_it_is_listed(a_run(happened))
    assert list(problems) == [f"line {(ORDER, '4')} was never asked for"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (None, "was not answered"),
        (status(STAYS, LineState.LINE_STATE_ALLOCATED, SHELF, 99), "99, which no event has"),
        (status(STAYS, LineState.LINE_STATE_ALLOCATED, SHELF, 4), "another event, Allocated"),
        (status(STAYS, LineState.LINE_STATE_ALLOCATED, SHELF, 1), "another event, StockChanged"),
        (status(STAYS, LineState.LINE_STATE_ALLOCATED, SHIPMENT, 3), "announced as"),
    ],
)
def test_an_answer_that_was_not_announced(answer: LineStatus | None, told: str) -> None:
    run = a_run()
    del run.asked.answers[ORDER, "1"]
    if answer is not None:
        run.asked.answer(answer)
    [problem] = checks.every_answer_was_announced(run)
    assert told in problem


def test_an_event_that_is_there_twice() -> None:
    run = a_run()
    run.events.add(99, "event-3", what_happened()[2])
    assert list(checks.every_event_is_there_once(run)) == ["ce-id event-3 is there 2 times"]
    assert "more than once [3]" in " ".join(checks.every_sku_counts_without_a_gap(run))


def test_an_event_that_is_only_delivered_twice_is_one() -> None:
    run = a_run()
    run.events.add(3, "event-3", what_happened()[2])
    assert list(checks.every_event_is_there_once(run)) == []


def test_an_event_without_an_id() -> None:
    run = a_run()
    run.events.add(99, "", stock_changed(SHELF, 4, 9))
    assert list(checks.every_event_is_there_once(run)) == ["ce-id (none) is there 1 times"]


def test_a_gap_in_the_sequence_of_a_sku() -> None:
    happened = what_happened()
    del happened[4]
    assert "missing [5]" in " ".join(checks.every_sku_counts_without_a_gap(a_run(happened)))


def test_a_sku_without_any_event() -> None:
    assert len(list(checks.every_sku_counts_without_a_gap(a_run([])))) == 1


def test_a_batch_that_was_over_its_quantity_for_a_moment() -> None:
    happened = what_happened()
    # Announced as shrunk before the line has left.
    happened[5].sku_sequence, happened[6].sku_sequence = 7, 6  # type: ignore[attr-defined] # both have one
    [problem] = checks.at_no_time_was_a_batch_over_its_quantity(a_run(happened))
    assert problem == f"batch {SHELF} at 6 held 4, and 5 were promised"


def test_an_adjustment_that_was_rejected() -> None:
    run = a_run()
    run.events.add(99, "event-99", events_pb2.Rejected(message_id="message-1", batch_reference=SHELF, detail="no such batch"))
    assert "no such batch" in " ".join(checks.nothing_was_rejected(run))


@pytest.mark.parametrize("happened", [what_happened()[:5], what_happened()[:7]], ids=["nothing left", "nothing came back"])
def test_several_days_that_displace_nothing(happened: list[Message]) -> None:
    assert len(list(checks.damage_displaced_lines(a_run(happened)))) == 1
    assert list(checks.damage_displaced_lines(a_run(happened, days=1))) == []


def test_events_of_other_runs_are_none_of_our_business() -> None:
    run = a_run()
    run.events.add(99, "event-99", events_pb2.StockChanged(batch_reference="batch-001", sku="SMALL-TABLE", sku_sequence=1))
    run.events.add(100, "event-100", None)
    assert len(run.events.all) == 8
    assert run.events.read_through == 100
