"""State machines over the bus: compared with the naive model, in groups, in small pages, and with work cut into parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from allocation.domain.commands import PlaceOrder
from allocation.domain.errors import Rejection
from allocation.service_layer.inbox import Consumption
from tests.unit.machine.bus import Bus, BusInParts
from tests.unit.machine.bus_with_parked import BusWithParked
from tests.unit.machine.histories import COMMANDS, LINES, in_short
from tests.unit.machine.naive import Naive, Told

if TYPE_CHECKING:
    from allocation.domain.commands import Command
    from allocation.domain.order_line import OrderLine

_settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


class BusAtOnce(Bus):
    """With no limit in the way, everything happens exactly as in the naive model."""

    def __init__(self) -> None:
        super().__init__()
        self.naive = Naive()

    @rule(command=COMMANDS)
    def alone(self, command: Command) -> None:
        before = self.house.dump()
        (answer,) = self.carry_out(command)
        if isinstance(answer, Rejection):
            assert self.house.dump() == before, f"{answer!r} changed something"
        self.compare([command], [answer])

    @rule(commands=st.lists(COMMANDS, min_size=2, max_size=8))
    def together(self, commands: list[Command]) -> None:
        self.compare(commands, self.carry_out(*commands))

    @rule(data=st.data())
    @precondition(lambda self: self.asked)
    def once_more(self, data: st.DataObject) -> None:
        commands = data.draw(st.sampled_from(self.asked))
        self.compare(commands, self.carry_out(*commands))

    def compare(self, commands: list[Command], answers: list[object]) -> None:
        for command, answer in zip(commands, answers, strict=True):
            expected = self.naive.carry_out(command)
            assert in_short(answer) == (Consumption.APPLIED if isinstance(command, PlaceOrder) else expected)
        assert self.books.told() == self.naive.told
        assert self.books.where() == self.naive.where()

    @invariant()
    def no_line_waits_that_fits_somewhere(self) -> None:
        self.books.check_finished()


class BusInPartsWithInterruptions(BusInParts):
    """Other commands come between the parts, and everything holds."""

    @rule(commands=st.lists(COMMANDS, min_size=1, max_size=4))
    def ask(self, commands: list[Command]) -> None:
        self.carry_out(*commands)

    @rule()
    @precondition(lambda self: self.house.store.commands)
    def one_more_part(self) -> None:
        self.go_on()

    @rule()
    @precondition(lambda self: self.house.store.commands)
    def all_parts(self) -> None:
        self.finish()

    @rule(line=LINES)
    @precondition(lambda self: self.house.store.commands)
    def a_new_line_gets_nothing_until_it_ends(self, line: OrderLine) -> None:
        is_new = (line.order_id, line.line_id) not in self.books.lines
        is_unfinished = line.sku in self.house.store.commands
        self.carry_out(PlaceOrder(line.order_id, (line,)))
        if is_new and is_unfinished:
            assert self.books.lines[line.order_id, line.line_id].is_waiting


class BusInPartsThatEnd(BusInParts):
    """Where each command's work ends before the next begins, lines stand where they would have stood at once."""

    def __init__(self) -> None:
        super().__init__()
        self.naive = Naive()

    @rule(command=COMMANDS)
    def ask(self, command: Command) -> None:
        self.carry_out(command)
        self.finish()
        self.naive.carry_out(command)
        assert self.books.where() == self.naive.where()
        # A shrink in parts announces the stock after each part; all else is announced once, and in the same order.
        assert _without_stock(self.books.told()) == _without_stock(self.naive.told)


def _without_stock(told: list[Told]) -> list[Told]:
    return [event for event in told if event[0] != "StockChanged"]


class BusInSinglePartsThatEnd(BusInPartsThatEnd):
    """The same, a line at a time."""

    steps_max = 1


@pytest.mark.parametrize(
    "bus", [BusAtOnce, BusInPartsWithInterruptions, BusInPartsThatEnd, BusInSinglePartsThatEnd, BusWithParked]
)
def test_every_history_keeps_the_rules(bus: type[Bus]) -> None:
    run_state_machine_as_test(bus, settings=_settings)
