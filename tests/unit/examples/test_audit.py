"""The audit's own logic: what it counts once, in which order it books, what does not agree, and what survives a restart."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from stock.allocation.v1 import subjects
from stock.allocation.v1.events_pb2 import Allocated, Backordered, Deallocated, OutOfStock, Rejected, StockChanged

from examples.audit import follower
from examples.audit import ledger as module
from examples.audit.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

SKU = "MISBEGOTTEN-RUG"
_ids = itertools.count(1)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "audit.json")


def take(ledger: Ledger, *events: Any, event_id: str = "") -> list[str]:  # noqa: ANN401 - events of any type
    """Hand over events, each with a ce-id of its own unless one is given; answer what did not agree."""
    found = []
    for event in events:
        found += ledger.take(event_id or f"id-{next(_ids)}", event.DESCRIPTOR.full_name, event.SerializeToString())
    return found


def stock(number: int, units: int, batch: str = "early") -> StockChanged:
    return StockChanged(batch_reference=batch, sku=SKU, purchased_quantity=units, sku_sequence=number)


def line(order_id: str = "order-1", units: int = 3) -> dict[str, Any]:
    return {"order_id": order_id, "line_id": SKU, "sku": SKU, "quantity": units}


def allocated(number: int, batch: str = "early", **of: Any) -> Allocated:  # noqa: ANN401 - what a line is made of
    return Allocated(**line(**of), batch_reference=batch, sku_sequence=number)


def deallocated(number: int, batch: str = "early", **of: Any) -> Deallocated:  # noqa: ANN401 - what a line is made of
    return Deallocated(**line(**of), batch_reference=batch, sku_sequence=number)


def figures(ledger: Ledger, *names: str) -> list[int]:
    return [ledger.figures()[name] for name in names]


def test_it_starts_from_nothing(ledger: Ledger) -> None:
    assert set(ledger.figures().values()) == {0}
    names = ["lines", "units", "duplicates", "stale", "events", "missing", "disagreements", "skus", "batches"]
    assert list(ledger.figures()) == names


def test_a_promise_is_counted(ledger: Ledger) -> None:
    assert take(ledger, stock(1, 10), allocated(2), allocated(3, order_id="order-2", units=7)) == []
    assert figures(ledger, "lines", "units", "events", "skus", "batches") == [2, 10, 3, 1, 1]


def test_a_line_that_moves_is_promised_once(ledger: Ledger) -> None:
    events = [stock(1, 10), stock(2, 10, "late"), allocated(3), deallocated(4), stock(5, 0), allocated(6, "late")]
    assert take(ledger, *events) == []
    assert figures(ledger, "lines", "units", "events", "missing") == [1, 3, 6, 0]


def test_a_line_that_waits_is_not_promised(ledger: Ledger) -> None:
    gone = Backordered(**line(), sku_sequence=5)
    refused = OutOfStock(**line("order-2"), sku_sequence=6)
    assert take(ledger, stock(1, 10), allocated(2), deallocated(3), stock(4, 0), gone, refused) == []
    assert figures(ledger, "lines", "units") == [0, 0]


def test_a_ce_id_that_was_seen_is_dropped(ledger: Ledger) -> None:
    take(ledger, stock(1, 10))
    assert take(ledger, allocated(2), allocated(2), event_id="twice") == []
    assert figures(ledger, "lines", "duplicates", "stale") == [1, 1, 0]


def test_only_the_latest_ce_ids_are_remembered(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDS_MAX", 2)
    take(ledger, stock(1, 10), event_id="first")
    take(ledger, stock(2, 11), stock(3, 12))
    assert len(ledger.ids) == 2
    take(ledger, stock(1, 10), event_id="first")
    assert figures(ledger, "duplicates", "stale") == [0, 1]


def test_an_event_that_is_not_above_the_last_of_its_sku_is_stale(ledger: Ledger) -> None:
    take(ledger, stock(1, 10), allocated(2))
    assert take(ledger, allocated(2, units=4), deallocated(1)) == []
    assert figures(ledger, "lines", "units", "stale") == [1, 3, 2]


def test_events_are_booked_in_the_order_of_their_numbers(ledger: Ledger) -> None:
    events = [deallocated(4), allocated(3), stock(5, 0), allocated(6, "late"), stock(2, 10, "late")]
    assert take(ledger, *events) == []
    assert figures(ledger, "lines", "events", "missing") == [0, 5, 1]
    assert take(ledger, stock(1, 10)) == []
    assert figures(ledger, "lines", "units", "events", "missing", "stale") == [1, 3, 6, 0, 0]


def test_what_is_held_above_a_gap_is_not_taken_twice(ledger: Ledger) -> None:
    take(ledger, stock(1, 10), allocated(3), allocated(3))
    assert figures(ledger, "events", "missing", "stale") == [2, 1, 1]


def test_a_gap_that_is_not_filled_is_told_in_the_end(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HELD_MAX", 2)
    assert take(ledger, stock(1, 10), stock(4, 12), stock(5, 13)) == []
    assert take(ledger, stock(6, 14)) == [f"{SKU}: sku_sequence 2 to 3 never came"]
    assert figures(ledger, "events", "missing", "disagreements") == [4, 2, 1]
    assert take(ledger, allocated(7, units=14)) == []


def test_more_than_a_batch_holds_must_not_be_promised(ledger: Ledger) -> None:
    found = take(ledger, stock(1, 2), allocated(2))
    assert found == [f"{SKU}, sku_sequence 2: Allocated of 3 units, batch 'early', of whose 2 units 3 are promised"]
    assert figures(ledger, "disagreements") == [1]


def test_a_batch_must_not_shrink_below_its_promises(ledger: Ledger) -> None:
    found = take(ledger, stock(1, 10), allocated(2), stock(3, 2))
    assert found == [f"{SKU}, sku_sequence 3: StockChanged of 2 units, batch 'early', of whose 2 units 3 are promised"]


def test_a_line_must_not_be_promised_twice(ledger: Ledger) -> None:
    found = take(ledger, stock(1, 10), stock(2, 10, "late"), allocated(3), allocated(4, "late"))
    assert len(found) == 1
    assert "Allocated of 3 units, batch 'late'" in found[0]
    assert "is promised ['early', 3]" in found[0]
    assert figures(ledger, "lines", "units") == [1, 3]


@pytest.mark.parametrize("wrong", [deallocated(4, "late"), deallocated(4, units=2), deallocated(4, order_id="order-2")])
def test_what_is_taken_back_must_be_what_was_promised(ledger: Ledger, wrong: Deallocated) -> None:
    assert len(take(ledger, stock(1, 10), stock(2, 10, "late"), allocated(3), wrong)) == 1


def test_a_line_that_is_promised_does_not_wait(ledger: Ledger) -> None:
    assert len(take(ledger, stock(1, 10), allocated(2), Backordered(**line(), sku_sequence=3))) == 1


@pytest.mark.parametrize("negative", [stock(2, -1, "late"), allocated(2, units=-3)])
def test_nothing_is_negative(ledger: Ledger, negative: StockChanged | Allocated) -> None:
    assert len(take(ledger, stock(1, 10), negative)) == 1


def test_what_it_cannot_understand_is_passed_over(ledger: Ledger) -> None:
    assert ledger.take("id-a", "stock.allocation.v1.FromALaterVersion", b"") == []
    assert ledger.take("id-b", "stock.allocation.v1.Allocated", b"\xff") == []
    assert ledger.take("", "", b"") == []
    assert take(ledger, Rejected(sku=SKU)) == []
    assert set(ledger.figures().values()) == {0}


def test_it_goes_on_from_what_was_written(ledger: Ledger) -> None:
    take(ledger, stock(1, 10), allocated(2), event_id="")
    take(ledger, deallocated(4), event_id="early-bird")
    ledger.write()
    again = Ledger(ledger.path)
    assert again.figures() == ledger.figures()
    take(again, deallocated(4), event_id="early-bird")
    assert figures(again, "duplicates", "missing") == [1, 1]
    assert take(again, stock(3, 11), stock(5, 0)) == []
    assert figures(again, "lines", "missing", "stale") == [0, 0, 0]


def test_a_kill_while_it_writes_leaves_what_was_written_before(ledger: Ledger) -> None:
    take(ledger, stock(1, 10))
    ledger.write()
    ledger.path.with_name("audit.json.new").write_text('{"ids": {"torn')
    assert Ledger(ledger.path).figures() == ledger.figures()


def test_an_empty_file_is_a_fresh_start(tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.touch()
    assert set(Ledger(path).figures().values()) == {0}


def test_it_follows_every_subject_that_goes_out() -> None:
    outgoing = ("ALLOCATED", "DEALLOCATED", "BACKORDERED", "OUT_OF_STOCK", "STOCK_CHANGED", "REJECTED")
    assert sorted(follower.SUBJECTS) == sorted(getattr(subjects, name) for name in outgoing)


def test_bad_input_is_told_with_how_to_use_it(tmp_path: Path) -> None:
    torn = tmp_path / "torn.json"
    torn.write_text('{"ids": {')
    other = tmp_path / "other.json"
    other.write_text('{"lines": []}')
    bad = {
        (): "[]",
        ("try",): "['try']",
        ("run", "audit", str(other), "0"): str(other),
        ("run", "audit", str(tmp_path / "missing" / "state.json"), "0"): "FileNotFoundError",
        ("damage", "batch", "many"): "'many'",
        ("damage", "batch", "2147483648"): "2147483648",
        ("run", "audit", str(tmp_path / "state.json"), "soon"): "'soon'",
        ("run", "audit", str(torn), "0"): str(torn),
    }
    for arguments, said in bad.items():
        command = [sys.executable, "-m", "examples.audit", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own program
        assert done.returncode == 64, done.stderr
        assert "damage BATCH_REFERENCE QUANTITY" in done.stderr
        assert said in done.stderr
        assert done.stdout == ""
