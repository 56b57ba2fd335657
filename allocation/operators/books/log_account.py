"""What the log says of every line, every batch and every sku_sequence, taken up event by event, in little memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError
from stock.allocation.v1 import events_pb2

from allocation.operators.books.batches import Stock
from allocation.operators.books.disagreement import RESTORE, Disagreement
from allocation.operators.books.sequences import Sequences
from allocation.operators.books.standing import Standing, Standings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

_PACKAGE = "stock.allocation.v1."
_MESSAGES: dict[str, type[Message]] = {
    _PACKAGE + name: getattr(events_pb2, name)
    for name in ("Allocated", "Deallocated", "Backordered", "OutOfStock", "StockChanged", "Rejected")
}
_STATE_AFTER = {
    _PACKAGE + "Allocated": "allocated",
    _PACKAGE + "Backordered": "backordered",
    _PACKAGE + "Deallocated": "displaced",
}
_STOCK_CHANGED = _PACKAGE + "StockChanged"


class LogAccount:
    """Takes up the log in its order. `truncated` says of each sku how many events were forgotten, and up to which number."""

    def __init__(self, truncated: Mapping[str, tuple[int, int]]) -> None:
        self.events = 0
        self.stock: dict[str, Stock] = {}
        self.changed_by: dict[str, str] = {}
        """What caused the last change of each batch that was announced more than once."""
        self.highest: dict[str, int] = {}
        self.disagreements: list[Disagreement] = []
        self._standings = Standings()
        self._lines: dict[str, bytes] = {}
        self._sequences: dict[str, Sequences] = {sku: Sequences(*explained) for sku, explained in truncated.items()}

    def take_up(  # noqa: PLR0913, PLR0917 - each is a column of the log
        self, position: int, kind: str, sku: str, sku_sequence: int | None, payload: bytes, cause: str
    ) -> None:
        """Take up the next event."""
        self.events += 1
        if sku_sequence is not None:
            sequences = self._sequences.get(sku)
            if sequences is None:
                sequences = self._sequences[sku] = Sequences()
            sequences.take_up(sku_sequence)
            self.highest[sku] = sequences.last
        if kind not in _MESSAGES:
            return
        try:
            message: Any = _MESSAGES[kind].FromString(payload)
        except DecodeError as error:
            self._disagree(position, kind, sku, f"its payload is none: {error}", "a message of its type")
            return
        if message.sku != sku or getattr(message, "sku_sequence", None) != sku_sequence:
            said = f"{message.sku!r}, sku_sequence {getattr(message, 'sku_sequence', None)}"
            self._disagree(position, kind, sku, f"its payload is about {said}", f"{sku!r}, sku_sequence {sku_sequence}")
        state = _STATE_AFTER.get(kind)
        if state is not None:
            reference = message.batch_reference if state == "allocated" else None
            stands = Standing(state, message.quantity, message.sku_sequence, reference, sku)
            self._lines[key_of(message.order_id, message.line_id)] = self._standings.packed(stands)
        elif kind == _STOCK_CHANGED:
            known = self.stock.get(message.batch_reference)
            if known is not None:
                self.changed_by[message.batch_reference] = cause
            self.stock[message.batch_reference] = Stock(
                sku,
                known.created_quantity if known is not None else message.purchased_quantity,
                message.purchased_quantity,
                message.eta.ToMicroseconds() if message.HasField("eta") else None,
            )

    def compare(self, order_id: str, line_id: str, row: Standing) -> Standing | None:
        """Take a kept line off the account, and answer where the log says it stands: `row` itself if there; None if nowhere."""
        said = self._lines.pop(key_of(order_id, line_id), None)
        if said is None:
            return None
        return row if self._standings.packed(row) == said else self._standings.unpacked(said)

    def not_kept(self) -> list[tuple[str, str, Standing]]:
        """Answer the lines that were not taken off: the log knows them, and they are not kept."""
        left = []
        for key, said in self._lines.items():
            order_id, _, line_id = key.partition("\0")
            left.append((order_id, line_id, self._standings.unpacked(said)))
        return left

    def sequences(self, sku: str, through: int) -> list[Disagreement]:
        """Say what is wrong with the numbers of a sku whose product has counted to `through`; each sku is asked about once."""
        return (self._sequences.pop(sku, None) or Sequences()).compare(sku, through)

    def skus_left(self) -> list[str]:
        """Answer the skus whose numbers were not asked about, and that have events."""
        return [sku for sku in self._sequences if sku in self.highest]

    def _disagree(self, position: int, kind: str, sku: str, found: str, should_be: str) -> None:
        what = f"event {position} of the log, {kind.rpartition('.')[2]}"
        self.disagreements.append(Disagreement("event_damaged", sku, what, found, should_be, RESTORE))


def key_of(order_id: str, line_id: str) -> str:
    """Name a line in one text: no identifier has a control character."""
    return f"{order_id}\0{line_id}"
