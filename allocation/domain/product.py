"""The product: one sku with its batches, the consistency boundary inside which every rule of allocation is kept."""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

from allocation.domain import events
from allocation.domain.batch import Batch
from allocation.domain.errors import LineConflict, UnknownSku
from allocation.domain.order_line import KeptLine, LineState, LineStatus, OrderLine
from allocation.domain.product_state import Reallocation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from allocation.domain.commands import CreateBatch
    from allocation.domain.lines import Lines
    from allocation.domain.product_state import ProductState


class Product:
    """One sku, its batches and its lines.

    `batches` holds at least those with room, those that are shrinking and those asked about. `recorded` takes up what
    happens. `steps_max` bounds how many lines leave, and how many waiting lines are tried, in one call: what is left over
    is announced as PromisingUnfinished, and until it is done new lines are not promised anything.
    """

    def __init__(
        self, state: ProductState, batches: Iterable[Batch], lines: Lines, recorded: list[events.Event], steps_max: int
    ) -> None:
        self.state = state
        self.sku = state.sku
        self.batches = sorted(batches, key=lambda batch: batch.preference)
        self._batch_by_reference = {batch.reference: batch for batch in self.batches}
        self._lines = lines
        self._events = recorded
        self._steps_max = steps_max

    def batch(self, reference: str) -> Batch:
        """Answer a batch that is known to be among the loaded ones."""
        return self._batch_by_reference[reference]

    def create_batch(self, command: CreateBatch) -> Batch:
        """Take in a new batch and promise it to the lines that wait."""
        batch = Batch.create(command.batch_reference, self.sku, command.purchased_quantity, command.eta)
        insort(self.batches, batch, key=lambda other: other.preference)
        self._batch_by_reference[batch.reference] = batch
        self.state.batch_count += 1
        self._announce_stock(batch)
        self._promise_again()
        return batch

    def allocate(self, line: OrderLine) -> LineStatus:
        """Promise the line to the best batch, or answer OUT_OF_STOCK and keep nothing.

        Raises:
            UnknownSku: there never was a batch of this sku.
            LineConflict: the line was first requested with other content.

        """
        if (kept := self._kept_before(line)) is not None:
            return self.status(kept)
        if self.state.batch_count == 0:
            raise UnknownSku(self.sku)
        if (batch := self._best_batch_for_new(line)) is None:
            out_of_stock = events.OutOfStock(line, self._next_sequence())
            self._events.append(out_of_stock)
            return LineStatus(line, LineState.OUT_OF_STOCK, out_of_stock.sku_sequence)
        return self.status(self._promise(self._keep(line), batch))

    def place(self, line: OrderLine) -> LineStatus:
        """Promise the line to the best batch, or keep it as backordered.

        Raises:
            LineConflict: the line was first requested with other content.

        """
        if (kept := self._kept_before(line)) is not None:
            return self.status(kept)
        batch = self._best_batch_for_new(line)
        kept = self._keep(line)
        if batch is not None:
            return self.status(self._promise(kept, batch))
        self.state.waiting_lines += 1
        return self.status(self._backorder(kept))

    def change_batch_quantity(self, reference: str, quantity: int) -> Reallocation:
        """Set what a batch holds; the lines promised last leave until it fits, then all that wait are tried again."""
        batch = self.batch(reference)
        if quantity == batch.target_quantity:
            return Reallocation()
        batch.target_quantity = quantity
        deallocated = self._shrink(batch, self._steps_max)
        if batch.is_shrinking:
            return self._stop_at(0, Reallocation(deallocated))
        return self._promise_again(deallocated)

    def continue_promising(self) -> bool:
        """Do the next part of what an earlier change left unfinished; False if that changed nothing.

        So it is only where the books are wrong: a batch that has to shrink, and no lines on it that could leave.
        """
        promised_through = self.state.promised_through or 0
        steps_left = self._steps_max
        for batch in self.batches:
            if batch.is_shrinking:
                steps_left -= self._shrink(batch, steps_left)
        if not any(batch.is_shrinking for batch in self.batches):
            self._try_waiting(promised_through, Reallocation())
        elif steps_left < self._steps_max:
            self._stop_at(0, Reallocation())
        else:
            return False
        return True

    def status(self, kept: KeptLine) -> LineStatus:
        """Say where a kept line stands."""
        if kept.batch_reference is None:
            return LineStatus(kept.line, LineState.BACKORDERED, kept.sku_sequence)
        batch = self.batch(kept.batch_reference)
        return LineStatus(kept.line, LineState.ALLOCATED, kept.sku_sequence, batch.reference, batch.eta)

    def _kept_before(self, line: OrderLine) -> KeptLine | None:
        kept = self._lines.find(line.order_id, line.line_id)
        if kept is not None and kept.line != line:
            raise LineConflict(asked=line, kept=kept.line)
        return kept

    def _best_batch(self, quantity: int) -> Batch | None:
        return next((batch for batch in self.batches if batch.can_allocate(quantity)), None)

    def _best_batch_for_new(self, line: OrderLine) -> Batch | None:
        return None if self.state.promised_through is not None else self._best_batch(line.quantity)

    def _keep(self, line: OrderLine) -> KeptLine:
        self.state.promise_number += 1
        return KeptLine(line, self.state.promise_number, LineState.BACKORDERED)

    def _promise(self, kept: KeptLine, batch: Batch) -> KeptLine:
        batch.allocate(kept.line.quantity)
        kept.state, kept.batch_reference, kept.sku_sequence = LineState.ALLOCATED, batch.reference, self._next_sequence()
        self._lines.put(kept)
        self._events.append(events.Allocated(kept.line, batch.reference, batch.eta, kept.sku_sequence))
        return kept

    def _backorder(self, kept: KeptLine) -> KeptLine:
        kept.state, kept.sku_sequence = LineState.BACKORDERED, self._next_sequence()
        self._lines.put(kept)
        self._events.append(events.Backordered(kept.line, kept.sku_sequence))
        return kept

    def _shrink(self, batch: Batch, steps_max: int) -> int:
        left = 0
        for kept in self._lines.latest_on(batch.reference):
            if left == steps_max or batch.allocated_quantity <= batch.target_quantity:
                break
            self._displace(kept, batch)
            left += 1
        if batch.fit_to_target():
            self._announce_stock(batch)
        return left

    def _displace(self, kept: KeptLine, batch: Batch) -> None:
        batch.deallocate(kept.line.quantity)
        kept.state, kept.batch_reference, kept.sku_sequence = LineState.DISPLACED, None, self._next_sequence()
        self.state.waiting_lines += 1
        self._lines.put(kept)
        reason = events.DeallocationReason.BATCH_SHRANK
        self._events.append(events.Deallocated(kept.line, batch.reference, reason, kept.sku_sequence))

    def _promise_again(self, deallocated: int = 0) -> Reallocation:
        if any(batch.is_shrinking for batch in self.batches):
            return self._stop_at(0, Reallocation(deallocated))
        return self._try_waiting(0, Reallocation(deallocated))

    def _try_waiting(self, after: int, outcome: Reallocation) -> Reallocation:
        tried = 0
        for kept in self._lines.waiting(self.sku, after, self._largest_room):
            if tried == self._steps_max:
                return self._stop_at(after, outcome)
            tried, after = tried + 1, kept.promise_number
            was_displaced = kept.state is LineState.DISPLACED
            if (batch := self._best_batch(kept.line.quantity)) is not None:
                self._promise(kept, batch)
                self.state.waiting_lines -= 1
                outcome.reallocated += was_displaced
            elif was_displaced:
                self._backorder(kept)
                outcome.backordered += 1
        if self.state.promised_through is not None:
            self.state.promised_through = None
            self._events.append(events.PromisingFinished(self.sku))
        return outcome

    def _stop_at(self, promised_through: int, outcome: Reallocation) -> Reallocation:
        self.state.promised_through = promised_through
        self._events.append(events.PromisingUnfinished(self.sku))
        return outcome

    def _largest_room(self) -> int:
        return max((batch.available_quantity for batch in self.batches), default=0)

    def _announce_stock(self, batch: Batch) -> None:
        self._events.append(
            events.StockChanged(batch.reference, self.sku, batch.purchased_quantity, batch.eta, self._next_sequence())
        )

    def _next_sequence(self) -> int:
        self.state.sku_sequence += 1
        return self.state.sku_sequence
