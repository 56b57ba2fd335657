"""Messages that are set aside, and carried out or discarded at any later time, beside commands that come meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from allocation.domain.commands import ChangeBatchQuantity, CreateBatch
from allocation.domain.errors import Rejection
from allocation.service_layer.housekeeping import DiscardParked, Park, ParkingReason
from allocation.service_layer.inbox import Consumption
from tests.unit.house import asked
from tests.unit.machine.bus import Bus
from tests.unit.machine.histories import COMMANDS, PUBLISHED
from tests.unit.machine.naive import Naive

if TYPE_CHECKING:
    from allocation.domain.commands import Command
    from allocation.service_layer.envelope import Envelope


_QUANTITIES = st.builds(ChangeBatchQuantity, st.sampled_from(["batch-a", "batch-b"]), st.integers(0, 12))
"""Of few batches, so that they overtake each other."""


@dataclass(frozen=True)
class SetAside:
    """A parked message, and how many quantities had come by RPC by then."""

    command: Command
    envelope: Envelope
    quantities_before: int


class BusWithParked(Bus):
    """Every replay comes to what a plain reading of the rules says, and a message ends once."""

    def __init__(self) -> None:
        super().__init__()
        self.naive = Naive()
        self.aside: list[SetAside] = []
        self.quantities = 0
        self.by_rpc: dict[str, int] = {}
        self.by_stream: dict[str, int] = {}

    @initialize()
    def two_batches(self) -> None:
        self.ask(CreateBatch("batch-a", "RUG", 10))
        self.ask(CreateBatch("batch-b", "RUG", 10))

    @rule(command=COMMANDS | _QUANTITIES)
    def ask(self, command: Command) -> None:
        (answer,) = self.carry_out(command)
        self.naive.carry_out(command)
        if isinstance(command, ChangeBatchQuantity) and not isinstance(answer, Rejection):
            self.quantities += 1
            self.by_rpc[command.batch_reference] = self.quantities

    @rule(commands=st.lists(_QUANTITIES | _QUANTITIES | PUBLISHED, min_size=1, max_size=4))
    def set_aside(self, commands: list[Command]) -> None:
        for command in commands:
            envelope = self.doors.published(command)
            parking = replace(envelope, command=Park(ParkingReason.TOO_MANY_DELIVERIES, "it was delivered too often"))
            assert self.deliver(parking) is Consumption.PARKED
            assert envelope.receipt is not None
            again = replace(envelope, receipt=replace(envelope.receipt, is_replay=True))
            self.aside.append(SetAside(command, again, self.quantities))

    @rule(data=st.data())
    @precondition(lambda self: self.aside)
    def replay_in_any_order(self, data: st.DataObject) -> None:
        for chosen in data.draw(st.permutations(self.aside)):
            expected = self.expected(chosen)
            assert self.deliver(chosen.envelope) is expected
            if expected is not Consumption.EARLY:
                self.aside.remove(chosen)
                if isinstance(chosen.command, ChangeBatchQuantity) and expected is Consumption.APPLIED:
                    self.by_stream[chosen.command.batch_reference] = _sequence(chosen.envelope)
                assert self.deliver(chosen.envelope) is Consumption.NOT_PARKED

    @rule(data=st.data())
    @precondition(lambda self: self.aside)
    def discard(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(self.aside))
        self.aside.remove(chosen)
        assert chosen.envelope.receipt is not None
        discarding = asked(DiscardParked((chosen.envelope.receipt.place,), "no good"))
        assert (self.deliver(discarding), self.deliver(discarding)) == (1, 0)
        assert self.deliver(chosen.envelope) is Consumption.NOT_PARKED

    @invariant()
    def it_is_as_in_the_naive_model(self) -> None:
        assert self.books.told() == self.naive.told
        assert self.books.where() == self.naive.where()

    def deliver(self, envelope: Envelope) -> object:
        """Carry out one envelope in a group of its own."""
        self.groups.append([envelope])
        (answer,) = self.house.carry_out(envelope).answers
        return answer

    def expected(self, chosen: SetAside) -> Consumption:
        """Say what becomes of a replay, and let the naive model do it."""
        command = chosen.command
        if isinstance(command, ChangeBatchQuantity) and command.batch_reference in self.naive.batches:
            newer_by_rpc = self.by_rpc.get(command.batch_reference, 0) > chosen.quantities_before
            newer_by_stream = self.by_stream.get(command.batch_reference, 0) > _sequence(chosen.envelope)
            if newer_by_rpc or newer_by_stream:
                return Consumption.SUPERSEDED
        answer = self.naive.carry_out(command)
        return {"UnknownBatch": Consumption.EARLY, "BatchConflict": Consumption.REJECTED}.get(str(answer), Consumption.APPLIED)


def _sequence(envelope: Envelope) -> int:
    assert envelope.receipt is not None
    return envelope.receipt.place.sequence
