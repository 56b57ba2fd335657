"""The sku_sequences of the log: whether each of a sku is there once, but for those that were forgotten by age."""

from __future__ import annotations

from dataclasses import dataclass, field

from allocation.operators.books.disagreement import RESTORE, Disagreement

GAPS_KEPT_MAX = 20


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

    def compare(self, sku: str, through: int) -> list[Disagreement]:
        """Say what is wrong with the numbers of a sku whose product has counted to `through`; after that, take up no more."""
        self.skip_to(through)
        should_be = f"1 to {self.last}, each once"
        disagreements = []
        if self.missing_below > self.truncated:
            disagreements.append(
                Disagreement(
                    "sequence_gap",
                    sku,
                    f"sku_sequence up to {self.truncated_through} in the log",
                    f"{self.missing_below} numbers are missing, the first is {self.first_missing_below}",
                    f"at most {self.truncated} are, which were forgotten by age",
                    RESTORE,
                )
            )
        if self.missing_above:
            gaps = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in self.gaps)
            disagreements.append(
                Disagreement(
                    "sequence_gap",
                    sku,
                    "sku_sequence in the log",
                    f"{self.missing_above} numbers are missing: {gaps}{' …' if len(self.gaps) == GAPS_KEPT_MAX else ''}",
                    should_be,
                    RESTORE,
                )
            )
        if self.repeated:
            numbers = ", ".join(map(str, self.repeated))
            disagreements.append(
                Disagreement(
                    "sequence_repeated", sku, "sku_sequence in the log", f"not rising at {numbers}", should_be, RESTORE
                )
            )
        return disagreements
