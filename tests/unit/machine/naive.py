"""The rules of the business once more, as plainly as can be: every line in one list, everything looked at each time.

It shares no code with the model that it is compared with. It knows neither groups, nor pages, nor limits of work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from allocation.domain import commands

if TYPE_CHECKING:
    from datetime import datetime

    from allocation.domain.order_line import OrderLine

Told = tuple[object, ...]


@dataclass
class NaiveBatch:
    """A batch, and what it was created with."""

    reference: str
    sku: str
    eta: datetime | None
    created: int
    purchased: int


@dataclass
class NaiveLine:
    """A kept line, and the reference of its batch."""

    line: OrderLine
    batch: str | None = None


@dataclass
class Naive:
    """Carries out commands one by one; `told` holds (name, sku, about whom, batch or quantity) of each event."""

    batches: dict[str, NaiveBatch] = field(default_factory=dict)
    lines: list[NaiveLine] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    def carry_out(self, command: commands.Command) -> object:
        """Carry out a command, and answer in short: the name of a rejection, or where things stand."""
        match command:
            case commands.CreateBatch():
                return self._create(command)
            case commands.Allocate():
                return self._allocate(command.line, keep=False)
            case commands.PlaceOrder():
                for line in command.lines:
                    self._allocate(line, keep=True)
                return None
            case commands.ChangeBatchQuantity():
                return self._change(command.batch_reference, command.quantity)
        raise AssertionError(command)

    def where(self) -> dict[tuple[str, str], str | None]:
        """Tell the batch of each kept line."""
        return {(kept.line.order_id, kept.line.line_id): kept.batch for kept in self.lines}

    def _create(self, command: commands.CreateBatch) -> object:
        old = self.batches.get(command.batch_reference)
        if old is not None:
            asked = (command.sku, command.purchased_quantity, command.eta)
            return "BatchConflict" if asked != (old.sku, old.created, old.eta) else (old.purchased, self._promised(old))
        quantity = command.purchased_quantity
        new = NaiveBatch(command.batch_reference, command.sku, command.eta, quantity, quantity)
        self.batches[new.reference] = new
        self._tell_stock(new)
        self._try_waiting(new.sku, set())
        return new.purchased, self._promised(new)

    def _allocate(self, line: OrderLine, *, keep: bool) -> object:
        name = (line.order_id, line.line_id)
        for kept in self.lines:
            if (kept.line.order_id, kept.line.line_id) == name:
                return kept.batch if kept.line == line else "LineConflict"
        if not keep and all(batch.sku != line.sku for batch in self.batches.values()):
            return "UnknownSku"
        batch = self._best(line)
        if batch is not None or keep:
            self.lines.append(NaiveLine(line, batch))
        if batch is not None:
            self.told.append(("Allocated", line.sku, name, batch))
        else:
            self.told.append(("Backordered" if keep else "OutOfStock", line.sku, name, line.quantity))
        return batch

    def _change(self, reference: str, quantity: int) -> object:
        if reference not in self.batches:
            return "UnknownBatch"
        batch, displaced = self.batches[reference], set()
        for number in reversed(range(len(self.lines))):
            kept = self.lines[number]
            if kept.batch == reference and self._promised(batch) > quantity:
                kept.batch = None
                displaced.add(number)
                self.told.append(("Deallocated", batch.sku, (kept.line.order_id, kept.line.line_id), reference))
        if quantity != batch.purchased:
            batch.purchased = quantity
            self._tell_stock(batch)
        self._try_waiting(batch.sku, displaced)
        return batch.purchased, self._promised(batch)

    def _try_waiting(self, sku: str, displaced: set[int]) -> None:
        for number, kept in enumerate(self.lines):
            if kept.line.sku != sku or kept.batch is not None:
                continue
            kept.batch = self._best(kept.line)
            name = (kept.line.order_id, kept.line.line_id)
            if kept.batch is not None:
                self.told.append(("Allocated", sku, name, kept.batch))
            elif number in displaced:
                self.told.append(("Backordered", sku, name, kept.line.quantity))

    def _best(self, line: OrderLine) -> str | None:
        fitting = [
            batch
            for batch in self.batches.values()
            if batch.sku == line.sku and batch.purchased - self._promised(batch) >= line.quantity
        ]
        in_stock = sorted(batch.reference for batch in fitting if batch.eta is None)
        expected = sorted((batch.eta, batch.reference) for batch in fitting if batch.eta is not None)
        return (in_stock + [reference for _, reference in expected] + [None])[0]

    def _promised(self, batch: NaiveBatch) -> int:
        return sum(kept.line.quantity for kept in self.lines if kept.batch == batch.reference)

    def _tell_stock(self, batch: NaiveBatch) -> None:
        self.told.append(("StockChanged", batch.sku, batch.reference, batch.purchased))
