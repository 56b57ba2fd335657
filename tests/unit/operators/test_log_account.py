"""What the log says of lines and of sku_sequence, in little memory, and how gaps are explained."""

from __future__ import annotations

import pytest
from stock.allocation.v1 import events_pb2

from allocation.operators.books.log_account import LogAccount
from allocation.operators.books.sequences import GAPS_KEPT_MAX
from allocation.operators.books.standing import Standing

ALLOCATED, DEALLOCATED = "stock.allocation.v1.Allocated", "stock.allocation.v1.Deallocated"


def account(*numbers: int, truncated: tuple[int, int] = (0, 0)) -> LogAccount:
    """Take up one event of RUG for each number."""
    taken = LogAccount({"RUG": truncated} if any(truncated) else {})
    for position, number in enumerate(numbers, 1):
        message = events_pb2.Allocated(
            order_id=f"o{number}", line_id="l", sku="RUG", quantity=2, batch_reference="b1", sku_sequence=number
        )
        taken.take_up(position, ALLOCATED, "RUG", number, message.SerializeToString(), "cause")
    assert taken.disagreements == []
    return taken


def found(taken: LogAccount, through: int) -> list[tuple[str, str]]:
    return [(one.kind, one.found) for one in taken.sequences("RUG", through)]


def test_numbers_without_a_gap_agree() -> None:
    assert found(account(1, 2, 3), 3) == []


@pytest.mark.parametrize(
    ("numbers", "through", "missing"),
    [
        ((2, 3), 3, "1 numbers are missing: 1"),
        ((1, 4), 4, "2 numbers are missing: 2 to 3"),
        ((1, 2), 5, "3 numbers are missing: 3 to 5"),
        ((2, 4, 7), 7, "4 numbers are missing: 1, 3, 5 to 6"),
    ],
)
def test_a_gap_is_named(numbers: tuple[int, ...], through: int, missing: str) -> None:
    assert found(account(*numbers), through) == [("sequence_gap", missing)]


@pytest.mark.parametrize("numbers", [(1, 2, 2, 3), (1, 3, 2, 3)])
def test_a_number_that_does_not_rise_is_named(numbers: tuple[int, ...]) -> None:
    assert "sequence_repeated" in [kind for kind, _ in found(account(*numbers), 3)]


def test_gaps_are_explained_by_what_was_forgotten_as_far_as_that_goes() -> None:
    assert found(account(2, 4, 5, truncated=(2, 3)), 5) == []
    assert found(account(2, 4, 5, truncated=(1, 3)), 5) == [("sequence_gap", "2 numbers are missing, the first is 1")]
    assert found(account(2, 4, 6, truncated=(2, 3)), 6) == [("sequence_gap", "1 numbers are missing: 5")]
    assert found(account(1, 6, truncated=(2, 3)), 6) == [("sequence_gap", "2 numbers are missing: 4 to 5")]


def test_all_of_a_sku_may_have_been_forgotten() -> None:
    assert found(account(truncated=(3, 3)), 3) == []


def test_many_gaps_are_counted_and_a_few_of_them_named() -> None:
    ((_, said),) = found(account(*range(2, 2_000, 2)), 1_998)
    assert said.startswith("999 numbers are missing: 1, 3, 5,")
    assert said.endswith(" …")
    assert said.count(",") == GAPS_KEPT_MAX - 1


def test_a_line_stands_where_its_last_event_says() -> None:
    taken = account(1, 2)
    left = events_pb2.Deallocated(order_id="o1", line_id="l", sku="RUG", quantity=2, batch_reference="b1", sku_sequence=3)
    taken.take_up(3, DEALLOCATED, "RUG", 3, left.SerializeToString(), "cause")
    displaced = Standing("displaced", 2, 3, None, "RUG")
    assert taken.compare("o1", "l", displaced) is displaced
    assert taken.compare("o2", "l", displaced) == Standing("allocated", 2, 2, "b1", "RUG")
    assert taken.compare("o1", "l", displaced) is None, "each line is compared once"
    assert taken.not_kept() == []


def test_a_line_that_nobody_keeps_is_left_over() -> None:
    assert account(1).not_kept() == [("o1", "l", Standing("allocated", 2, 1, "b1", "RUG"))]
