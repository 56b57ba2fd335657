"""Lays the books of a snapshot over each other: what batches and products count, where lines stand, what the log says.

Nothing is read here, and nothing decided about what to do: the rows come page by page, batches and the log first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from stock.allocation.admin.v1.admin_service_pb2 import LineCorrection

from allocation.adapters.sql import rows
from allocation.operators.disagreement import REPAIR, RESTORE, Disagreement
from allocation.operators.log_account import LogAccount, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CHANGE_QUANTITY = (
    "ask the warehouse what the batch holds, and set it to another quantity and then to that one by ChangeBatchQuantity, "
    "so that it is announced"
)


class BatchRow(NamedTuple):
    """A row of batches, by the names of its columns."""

    reference: str
    sku: str
    purchased_quantity: int
    eta: int | None
    allocated_quantity: int
    created_quantity: int
    target_quantity: int


@dataclass(slots=True)
class SkuTotals:
    """What the rows of a sku come to."""

    batches: int = 0
    waiting: int = 0
    displaced: int = 0
    promise_number: int = 0
    smallest_waiting: int | None = None
    largest_room: int = 0
    has_shrinking: bool = False


@dataclass(frozen=True)
class Oddity:
    """What a query of the reader finds, in words; `about` is filled from the row."""

    what: str
    should_be: str
    advice: str


class Comparison:
    """Takes up every table of a snapshot in a fixed order, and collects what does not agree."""

    ODDITIES: ClassVar[dict[str, Oddity]] = {
        "outbox_without_event": Oddity(
            "outbox row {0}",
            "an event of the log at this position",
            "stop the service, and: sqlite3 DATABASE 'DELETE FROM outbox WHERE position = {0}'",
        ),
        "outbox_of_internal_event": Oddity(
            "outbox row {0}",
            "a public event of the log at this position",
            "stop the service, and: sqlite3 DATABASE 'DELETE FROM outbox WHERE position = {0}'",
        ),
        "fence_without_batch": Oddity("the fence of batch {0!r}", "a batch of this reference", RESTORE),
        "fence_ahead_of_log": Oddity(
            "the fence of batch {0!r}, set after event {1} of the log", "an event of the log that came before it", RESTORE
        ),
        "parked_and_consumed": Oddity(
            "message {0}/{1}/{2}, parked",
            "not in the inbox while it is parked",
            "allocation parked show {0}/{1}/{2}; it took effect, so: allocation parked replay {0}/{1}/{2}",
        ),
        "inbox_ahead_of_stream": Oddity(
            "message {1!r} of {0!r} in the inbox, sequence {2}",
            "not above the last sequence that is known of its stream, {3}",
            RESTORE,
        ),
    }

    def __init__(self, truncated: Mapping[str, tuple[int, int]]) -> None:
        self.log = LogAccount(truncated)
        self.disagreements: list[Disagreement] = []
        self.commands: set[str] = set()
        self.checked = {"products": 0, "batches": 0, "order_lines": 0, "events": 0}
        self._batches: dict[str, BatchRow] = {}
        self._promised: defaultdict[str, int] = defaultdict(int)
        self._totals: defaultdict[str, SkuTotals] = defaultdict(SkuTotals)
        self._odd_skus: set[str] = set()

    def take_up_batches(self, page: Iterable[Any]) -> None:
        """Take up rows of batches: all of them come before anything else."""
        for row in page:
            batch = BatchRow(*row)
            self._batches[batch.reference] = batch
            totals = self._totals[batch.sku]
            totals.batches += 1
            totals.largest_room = max(totals.largest_room, batch.purchased_quantity - batch.allocated_quantity)
            totals.has_shrinking |= batch.target_quantity < batch.purchased_quantity

    def take_up_lines(self, page: Iterable[Any]) -> None:
        """Take up rows of order_lines, after all of the log."""
        for order_id, line_id, sku, quantity, promise_number, state, batch_reference, sku_sequence in page:
            self.checked["order_lines"] += 1
            totals = self._totals[sku]
            batch = self._batches.get(batch_reference or "")
            numbered = totals if batch is None else self._totals[batch.sku]
            numbered.promise_number = max(numbered.promise_number, promise_number)
            if batch_reference is None:
                totals.waiting += 1
                totals.displaced += state == "displaced"
                totals.smallest_waiting = min(totals.smallest_waiting or quantity, quantity)
            else:
                self._promised[batch_reference] += quantity
            row = Standing(state, quantity, sku_sequence, batch_reference, sku)
            said = self.log.compare(order_id, line_id, row)
            if said is not row:
                self._line(order_id, line_id, row, said)
            elif batch_reference is not None:
                self._place(order_id, line_id, row, batch_reference)

    def end_lines(self) -> None:
        """Say which lines the log knows and nobody keeps, and compare the batches, whose lines are summed up now."""
        for order_id, line_id, said in self.log.not_kept():
            self._line(order_id, line_id, None, said)
        self.checked["events"] = self.log.events
        self.checked["batches"] = len(self._batches)
        self.disagreements += self.log.disagreements
        for batch in self._batches.values():
            self._counted(batch)
            self._announced(batch)
        for reference, stock in self.log.stock.items():
            if reference not in self._batches:
                eta = None if stock.eta is None else rows.instant(stock.eta).isoformat()
                self._disagree(
                    Disagreement(
                        "batch_missing",
                        stock.sku,
                        f"batch {reference!r}",
                        "there is none",
                        f"{stock.purchased_quantity} units, eta {eta}: the log has it",
                        f"ask for it anew by CreateBatch, created with {stock.created_quantity} units, eta {eta}; "
                        "then: allocation verify --repair",
                    )
                )

    def take_up_products(self, page: Iterable[Any]) -> None:
        """Take up rows of products, after everything else of them."""
        for sku, sku_sequence, promise_number, batch_count, waiting_lines, promised_through in page:
            self.checked["products"] += 1
            totals = self._totals.pop(sku, SkuTotals())
            counted = {
                "batch_count": (batch_count, totals.batches, "batches are there"),
                "waiting_lines": (waiting_lines, totals.waiting, "lines wait"),
                "promise_number": (promise_number, max(promise_number, totals.promise_number), "or more: a line has it"),
                "sku_sequence": (
                    sku_sequence,
                    max(sku_sequence, self.log.highest.get(sku, 0)),
                    "or more: the log has come that far",
                ),
            }
            for counter, (found, right, why) in counted.items():
                if found != right:
                    self._disagree(Disagreement(f"product_{counter}", sku, counter, str(found), f"{right} {why}"))
            for found in self.log.sequences(sku, sku_sequence):
                self._disagree(found)
            self._unfinished(sku, totals, is_unfinished=promised_through is not None)

    def end_products(self) -> None:
        """Say of which skus there is everything but the product."""
        for sku in sorted(self._totals.keys() | set(self.log.skus_left())):
            self._disagree(
                Disagreement("product_missing", sku, "the product", "there is no row", "one that counts its batches")
            )
            for found in self.log.sequences(sku, self.log.highest.get(sku, 0)):
                self._disagree(found)
        for sku in sorted(self.commands):
            self._disagree(
                Disagreement(
                    "command_without_unfinished",
                    sku,
                    "an internal command waits to go on with promising",
                    "nothing is unfinished",
                    "no command; a service that runs drops it",
                )
            )

    def take_up_oddities(self, name: str, found: Iterable[Any]) -> None:
        """Take up rows that must not be there."""
        oddity = self.ODDITIES[name]
        for row in found:
            self.disagreements.append(
                Disagreement(
                    name, "", oddity.what.format(*row), "it is there", oddity.should_be.format(*row), oddity.advice.format(*row)
                )
            )

    def _disagree(self, found: Disagreement) -> None:
        self._odd_skus.add(found.sku)
        self.disagreements.append(found)

    def _line(self, order_id: str, line_id: str, row: Standing | None, said: Standing | None) -> None:
        what = f"line {line_id!r} of order {order_id!r}"
        if said is None:
            advice = f"the log has no event of it. {RESTORE}"
            if row is not None:
                self._disagree(Disagreement("line_without_event", row.sku, what, str(row), "what its last event says", advice))
            return
        advice = REPAIR
        if row is not None and row.sku != said.sku:
            advice = RESTORE
        elif said.batch_reference is not None and said.batch_reference not in self._batches:
            advice = f"create batch {said.batch_reference!r} first, which is missing, then: {REPAIR}"
        correction = LineCorrection(
            order_id=order_id,
            line_id=line_id,
            quantity=said.quantity,
            batch_reference=said.batch_reference or "",
            displaced=said.state == "displaced",
            sku_sequence=said.sku_sequence,
            seen_sku_sequence=0 if row is None else row.sku_sequence,
        )
        kind = "line_not_kept" if row is None else "line_stands_elsewhere"
        found = "it is not kept" if row is None else str(row)
        repairing = correction if advice == REPAIR else None
        self._disagree(Disagreement(kind, said.sku, what, found, f"{said}, by its last event", advice, repairing))
        if row is not None and row.sku != said.sku:
            self._odd_skus.add(row.sku)

    def _place(self, order_id: str, line_id: str, row: Standing, reference: str) -> None:
        batch = self._batches.get(reference)
        if batch is not None and batch.sku == row.sku:
            return
        found = "there is no such batch" if batch is None else f"that batch is of sku {batch.sku!r}"
        what = f"line {line_id!r} of order {order_id!r}, allocated to {reference!r}"
        advice = f"see the disagreement about batch {reference!r}"
        self._disagree(Disagreement("line_on_no_batch", row.sku, what, found, f"a batch of sku {row.sku!r}", advice))

    def _counted(self, batch: BatchRow) -> None:
        promised, name = self._promised[batch.reference], f"batch {batch.reference!r}"
        if promised > batch.purchased_quantity:
            found = f"its lines come to {promised} units, allocated_quantity says {batch.allocated_quantity}"
            right = f"at most {batch.purchased_quantity}, which it holds: the lines promised last have to leave"
            self._disagree(Disagreement("batch_oversold", batch.sku, name, found, right))
        elif promised != batch.allocated_quantity:
            found, right = str(batch.allocated_quantity), f"{promised}, which its lines come to"
            self._disagree(Disagreement("batch_allocated_quantity", batch.sku, f"{name}: allocated_quantity", found, right))
        if batch.target_quantity > batch.purchased_quantity:
            found, right = str(batch.target_quantity), f"at most {batch.purchased_quantity}, which it holds"
            what = f"{name}: target_quantity"
            self._disagree(Disagreement("batch_target_quantity", batch.sku, what, found, right, _CHANGE_QUANTITY))

    def _announced(self, batch: BatchRow) -> None:
        stock, name = self.log.stock.get(batch.reference), f"batch {batch.reference!r}"
        if stock is None:
            self._disagree(
                Disagreement("batch_without_event", batch.sku, name, "the log has no event of it", "a StockChanged", RESTORE)
            )
            return
        compared = {
            "sku": (batch.sku, stock.sku, RESTORE),
            "eta": (_shown(batch.eta), _shown(stock.eta), RESTORE),
            "created_quantity": (batch.created_quantity, stock.created_quantity, RESTORE),
            "purchased_quantity": (batch.purchased_quantity, stock.purchased_quantity, _CHANGE_QUANTITY),
        }
        for column, (found, said, advice) in compared.items():
            if found != said:
                right = f"{said}, as the log says"
                self._disagree(Disagreement(f"batch_{column}", batch.sku, f"{name}: {column}", str(found), right, advice))

    def _unfinished(self, sku: str, totals: SkuTotals, *, is_unfinished: bool) -> None:
        has_command = sku in self.commands
        if is_unfinished:
            self.commands.discard(sku)
            if not has_command:
                what = "promising is unfinished, and no internal command waits to go on with it"
                self._disagree(Disagreement("unfinished_without_command", sku, what, "there is none", "one"))
            return
        if totals.has_shrinking:
            what = "a batch that is to hold less than it does"
            self._disagree(Disagreement("shrink_left_off", sku, what, "nothing goes on with it", "finished, or unfinished"))
        elif sku in self._odd_skus:
            return  # Where something else is wrong, what should follow from it cannot be told.
        elif totals.displaced:
            what = "lines that left their batch and were not tried on the others"
            self._disagree(Disagreement("displaced_left_off", sku, what, str(totals.displaced), "none"))
        elif totals.smallest_waiting is not None and totals.smallest_waiting <= totals.largest_room:
            what = f"a line that waits for {totals.smallest_waiting} units"
            found = f"a batch has room for {totals.largest_room}"
            self._disagree(Disagreement("waits_in_vain", sku, what, found, "allocated to it"))


def _shown(instant: int | None) -> str:
    return "none: in stock" if instant is None else rows.instant(instant).isoformat()
