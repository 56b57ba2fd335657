"""When a message is asked for again: soon at first, then ever later, and how many deliveries fit into a time."""

from __future__ import annotations

import pytest

from allocation.entrypoints.redelivery import delay_seconds, deliveries_within


def test_the_delay_doubles_up_to_a_limit() -> None:
    for deliveries, shortest in [(1, 0.2), (2, 0.4), (3, 0.8), (5, 3.2), (6, 5.0), (7, 5.0), (1_000_000, 5.0)]:
        assert shortest <= delay_seconds(deliveries) <= shortest * 1.2


def test_delays_differ_so_that_few_coincide() -> None:
    assert len({delay_seconds(1) for _ in range(20)}) > 1


@pytest.mark.parametrize("seconds", [0.1, 1.0, 30.0, 600.0])
def test_no_more_deliveries_fit_into_a_time_than_were_counted(seconds: float) -> None:
    waited, deliveries = 0.0, 1
    while waited <= seconds:
        waited += min(0.2 * 2 ** (deliveries - 1), 5.0)
        deliveries += 1
    assert deliveries_within(seconds) == deliveries


def test_a_longer_time_has_room_for_more() -> None:
    assert deliveries_within(0.1) < deliveries_within(1.0) < deliveries_within(30.0) < deliveries_within(600.0)
