"""What the log says of every line, every batch and every sku_sequence, taken up event by event, in little memory."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf.message import DecodeError
from stock.allocation.v1 import events_pb2

from allocation.operators.disagreement import RESTORE, Disagreement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

_PACKAGE = "stock.allocation.v1."
_MESSAGES: dict[str, type[Message]] = {
    _PACKAGE + name: getattr(events_pb2, name)
    for name in ("Allocated", "Deallocated", "Backordered", "OutOfStock", "StockChanged", "Rejected")
}
STATES = {"allocated": 1, "backordered": 2, "displaced": 3}
_STATE_AFTER = {
    _PACKAGE + "Allocated": STATES["allocated"],
    _PACKAGE + "Backordered": STATES["backordered"],
    _PACKAGE + "Deallocated": STATES["displaced"],
}
_STOCK_CHANGED = _PACKAGE + "StockChanged"
_STATE_NAMES = {number: name for name, number in STATES.items()}
_LINE = struct.Struct("<BiqII")
"""State, quantity, sku_sequence, batch and sku: a log of millions of lines is held in a few dozen bytes a line."""
_NO_BATCH = 0
GAPS_KEPT_MAX = 20


class Standing(NamedTuple):
    """Where a line stands."""

    state: str
    quantity: int
    sku_sequence: int
    batch_reference: str | None
    sku: str

    def __str__(self) -> str:
        place = "" if self.batch_reference is None else f" to {self.batch_reference!r}"
        return f"{self.state}{place}, {self.quantity} units of {self.sku!r}, sku_sequence {self.sku_sequence}"


class Names:
    """Numbers for names, from 1: what is named a million times is kept once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: list[str] = [""]

    def number(self, name: str) -> int:
        """Answer the number of a name."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
        return number

    def name(self, number: int) -> str:
        """Answer the name of a number."""
        return self._names[number]


class Stock(NamedTuple):
    """What the log says of a batch: as it was created, and as it was announced last."""

    sku: str
    created_quantity: int
    purchased_quantity: int
    eta: int | None


@dataclass(slots=True)
class Sequences:
    """The numbers of a sku: how many are missing at or below `truncated_through`, which above it, and which came twice."""

    truncated: int = 0
    truncated_through: int = 0
    last: int = 0
    missing_below: int = 0
    first_missing_below: int = 0
    missing_above: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)

    def take_up(self, number: int) -> None:
        """Take up the next event's."""
        if number == self.last + 1:
            self.last = number
        elif number > self.last:
            self.skip_to(number - 1)
            self.last = number
        elif len(self.repeated) < GAPS_KEPT_MAX:
            self.repeated.append(number)

    def skip_to(self, through: int) -> None:
        """Take up that those above the last one, up to `through`, are not there."""
        if through <= self.last:
            return
        first = self.last + 1
        below = min(through, self.truncated_through) - first + 1
        if below > 0:
            self.first_missing_below = self.first_missing_below or first
            self.missing_below += below
            first = self.truncated_through + 1
        if first <= through:
            self.missing_above += through - first + 1
            if len(self.gaps) < GAPS_KEPT_MAX:
                self.gaps.append((first, through))
        self.last = through


class LogAccount:
    """Takes up the log in its order. `truncated` says of each sku how many events were forgotten, and up to which number."""

    def __init__(self, truncated: Mapping[str, tuple[int, int]]) -> None:
        self.events = 0
        self.batch_names = Names()
        self.sku_names = Names()
        self.stock: dict[str, Stock] = {}
        self.highest: dict[str, int] = {}
        self.disagreements: list[Disagreement] = []
        self._lines: dict[str, bytes] = {}
        self._sequences: dict[str, Sequences] = {sku: Sequences(*explained) for sku, explained in truncated.items()}

    def take_up(self, position: int, kind: str, sku: str, sku_sequence: int | None, payload: bytes) -> None:
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
            batch = self.batch_names.number(message.batch_reference) if state == STATES["allocated"] else _NO_BATCH
            self._lines[key_of(message.order_id, message.line_id)] = _LINE.pack(
                state, message.quantity, message.sku_sequence, batch, self.sku_names.number(sku)
            )
        elif kind == _STOCK_CHANGED:
            known = self.stock.get(message.batch_reference)
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
        batch = _NO_BATCH if row.batch_reference is None else self.batch_names.number(row.batch_reference)
        state = STATES.get(row.state, 0)
        stands = _LINE.pack(state, row.quantity, row.sku_sequence, batch, self.sku_names.number(row.sku))
        return row if stands == said else self._standing(said)

    def not_kept(self) -> list[tuple[str, str, Standing]]:
        """Answer the lines that were not taken off: the log knows them, and they are not kept."""
        left = []
        for key, said in self._lines.items():
            order_id, _, line_id = key.partition("\0")
            left.append((order_id, line_id, self._standing(said)))
        return left

    def sequences(self, sku: str, through: int) -> list[Disagreement]:
        """Say what is wrong with the numbers of a sku whose product has counted to `through`; each sku is asked about once."""
        found = self._sequences.pop(sku, None) or Sequences()
        found.skip_to(through)
        should_be = f"1 to {found.last}, each once"
        disagreements = []
        if found.missing_below > found.truncated:
            disagreements.append(
                Disagreement(
                    "sequence_gap",
                    sku,
                    f"sku_sequence up to {found.truncated_through} in the log",
                    f"{found.missing_below} numbers are missing, the first is {found.first_missing_below}",
                    f"at most {found.truncated} are, which were forgotten by age",
                    RESTORE,
                )
            )
        if found.missing_above:
            gaps = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in found.gaps)
            disagreements.append(
                Disagreement(
                    "sequence_gap",
                    sku,
                    "sku_sequence in the log",
                    f"{found.missing_above} numbers are missing: {gaps}{' …' if len(found.gaps) == GAPS_KEPT_MAX else ''}",
                    should_be,
                    RESTORE,
                )
            )
        if found.repeated:
            numbers = ", ".join(map(str, found.repeated))
            disagreements.append(
                Disagreement(
                    "sequence_repeated", sku, "sku_sequence in the log", f"not rising at {numbers}", should_be, RESTORE
                )
            )
        return disagreements

    def skus_left(self) -> list[str]:
        """Answer the skus whose numbers were not asked about, and that have events."""
        return [sku for sku in self._sequences if sku in self.highest]

    def _standing(self, packed: bytes) -> Standing:
        state, quantity, sku_sequence, batch, sku = _LINE.unpack(packed)
        reference = self.batch_names.name(batch) if batch != _NO_BATCH else None
        return Standing(_STATE_NAMES[state], quantity, sku_sequence, reference, self.sku_names.name(sku))

    def _disagree(self, position: int, kind: str, sku: str, found: str, should_be: str) -> None:
        what = f"event {position} of the log, {kind.rpartition('.')[2]}"
        self.disagreements.append(Disagreement("event_damaged", sku, what, found, should_be, RESTORE))


def key_of(order_id: str, line_id: str) -> str:
    """Name a line in one text: no identifier has a control character."""
    return f"{order_id}\0{line_id}"
