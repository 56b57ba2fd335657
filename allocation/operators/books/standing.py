"""Where a line stands, and how millions of lines are remembered in a few dozen bytes each."""

from __future__ import annotations

import struct
from typing import NamedTuple

STATES = {"allocated": 1, "backordered": 2, "displaced": 3}
_STATE_NAMES = {number: name for name, number in STATES.items()}
_UNKNOWN_STATE = 0
_NO_BATCH = 0
_LINE = struct.Struct("<BqqII")
"""State, quantity, sku_sequence, batch and sku: whatever a column can hold fits."""


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


class Standings:
    """Packs standings and unpacks them; two that are the same are packed the same."""

    def __init__(self) -> None:
        self._batches = Names()
        self._skus = Names()

    def packed(self, standing: Standing) -> bytes:
        """Pack one; a state that no event leads to is packed as none of those."""
        reference = standing.batch_reference
        return _LINE.pack(
            STATES.get(standing.state, _UNKNOWN_STATE),
            standing.quantity,
            standing.sku_sequence,
            _NO_BATCH if reference is None else self._batches.number(reference),
            self._skus.number(standing.sku),
        )

    def unpacked(self, packed: bytes) -> Standing:
        """Unpack one."""
        state, quantity, sku_sequence, batch, sku = _LINE.unpack(packed)
        reference = None if batch == _NO_BATCH else self._batches.name(batch)
        return Standing(_STATE_NAMES[state], quantity, sku_sequence, reference, self._skus.name(sku))
