"""How a check says what it saw, and names that no other check has."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conformance.subject import Subject

_numbers = itertools.count(1)


def expect(seen: object, expected: object, what: str = "") -> None:
    """Compare, and say what was seen."""
    assert seen == expected, f"{what}{': ' if what else ''}expected {expected}, saw {seen}"


def fresh(subject: Subject, what: str) -> str:
    """Make a name that nothing else has."""
    return f"{subject.program.name}-{what}-{next(_numbers)}"
