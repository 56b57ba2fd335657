"""The state machines' common ground: a bus over a store in memory that is checked after every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from unittest import mock

from hypothesis.stateful import RuleBasedStateMachine, invariant

from allocation.adapters import memory_transaction
from allocation.domain.commands import ContinuePromising
from allocation.service_layer import line_book
from tests.unit.house import Consumer, House
from tests.unit.machine.books import Books, books_of_memory
from tests.unit.machine.histories import Doors

if TYPE_CHECKING:
    from allocation.domain.commands import Command
    from allocation.service_layer.envelope import Envelope


class Bus(RuleBasedStateMachine):
    """A bus over a store in memory, with so small pages that most histories need several."""

    steps_max: ClassVar[int] = 1_000

    def __init__(self) -> None:
        super().__init__()
        self.patches = [
            mock.patch.object(line_book, "PAGE_LINES", 2),
            mock.patch.object(memory_transaction, "_LATEST_LINES", 2),
        ]
        for patch in self.patches:
            patch.start()
        self.house = House(self.steps_max)
        self.doors = Doors(Consumer(self.house))
        self.groups: list[list[Envelope]] = []
        self.asked: list[list[Command]] = []

    def carry_out(self, *commands: Command) -> list[object]:
        """Carry out a group, in as many transactions as it takes."""
        self.asked.append(list(commands))
        envelopes = [self.doors.envelope(command) for command in commands]
        answers: list[object] = []
        while len(answers) < len(commands):
            self.groups.append(envelopes[len(answers) :])
            answers += self.house.carry_out(*self.groups[-1]).answers
        return answers

    @property
    def books(self) -> Books:
        """The books as they stand."""
        return books_of_memory(self.house.store)

    @invariant()
    def nothing_is_ever_oversold_nor_lost_nor_miscounted(self) -> None:
        self.books.check()

    def teardown(self) -> None:
        """Carry out the same groups again: the same happens, to the same victims."""
        again = House(self.steps_max)
        Consumer(again)
        for group in self.groups:
            again.carry_out(*group)
        same = again.dump() == self.house.dump()
        for patch in self.patches:
            patch.stop()
        assert same


class BusInParts(Bus):
    """A bus that cuts its work into parts of few lines; whatever is left unfinished comes to an end."""

    steps_max = 2

    def go_on(self) -> None:
        """Do one more part for every unfinished sku."""
        for sku in list(self.house.store.commands):
            self.carry_out(ContinuePromising(sku))

    def finish(self) -> None:
        """Go on until nothing is unfinished."""
        for _ in range(1_000):
            if not self.house.store.commands:
                self.books.check_finished()
                return
            self.go_on()
            self.books.check()
        raise AssertionError("it never ends")

    def teardown(self) -> None:
        try:
            self.finish()
        finally:
            super().teardown()
