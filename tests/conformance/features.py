"""The features of the table; each check raises AssertionError with what it saw instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from examples.world.programs import succeed
from tests.conformance.calls import deadline, health, rpc, typed_errors
from tests.conformance.events import constraints, events_in, events_out
from tests.conformance.restarts import restart

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.live import LiveService
    from tests.conformance.subject import Subject


def golden_vectors(subject: Subject, live: LiveService) -> None:
    """The tests of its package read the golden vectors."""
    del live
    printed = succeed(subject.program.golden_vectors)
    assert re.search(subject.program.golden_passed, printed, re.MULTILINE), f"no golden test was run:\n{printed[-2000:]}"


def own_tests(subject: Subject, live: LiveService) -> None:
    """The tests of its package and of the program pass."""
    del live
    for proof in subject.program.tests:
        proof.hold()


FEATURES: dict[str, Callable[[Subject, LiveService], None]] = {
    "RPC": rpc,
    "typed errors": typed_errors,
    "deadline": deadline,
    "events in": events_in,
    "events out": events_out,
    "restart": restart,
    "constraints": constraints,
    "golden vectors": golden_vectors,
    "health": health,
    "own tests": own_tests,
}
