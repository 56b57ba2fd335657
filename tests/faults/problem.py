"""What the checker complains of: a sentence for people, and its kind for the table."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable


class Kind(StrEnum):
    """What is wrong. WRONG is what fits no other: an untrue answer, a count that does not add up."""

    LOST = "lost"
    DOUBLED = "doubled"
    STUCK = "stuck"
    OUT_OF_ORDER = "out of order"
    OVERSOLD = "oversold"
    WRONG = "wrong"


class Problem(str):
    """A sentence that knows its kind."""

    __slots__ = ("kind",)
    kind: Kind

    def __new__(cls, kind: Kind, sentence: str) -> Self:
        """Make one."""
        problem = super().__new__(cls, sentence)
        problem.kind = kind
        return problem

    def __getnewargs__(self) -> tuple[Kind, str]:  # type: ignore[override]
        """Say how to make it again: it travels between processes."""
        return self.kind, str(self)


def kind_of(problem: str) -> Kind:
    """Answer the kind of a problem; a bare sentence has none of its own and is WRONG."""
    return problem.kind if isinstance(problem, Problem) else Kind.WRONG


def count_kinds(problems: Iterable[str]) -> Counter[Kind]:
    """Count problems by their kind."""
    return Counter(map(kind_of, problems))
