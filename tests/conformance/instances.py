"""Two instances of the service with TLS, as the page's last client of each language meets them: one refuses, one dies."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from tests.conformance.gate import REFUSED, Gate
from tests.conformance.page_steps import BATCHES
from tests.conformance.secure import SecureService

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# When the gate is asked for a batch the so-manieth time or later, the other instance dies: in the middle of the run.
DEATH_AT = 3


class Instances:
    """A mortal one, and one behind a gate; use it as a context manager."""

    def __init__(self, folder: Path, clients: Path, sku: str) -> None:
        self._folder, self._clients, self._sku = folder, clients, sku
        self._stack = ExitStack()
        self._mortal: SecureService
        self._steady: SecureService
        self._gate: Gate
        self._by_mortal = 0

    @property
    def names(self) -> tuple[str, str]:
        """Where clients call the two."""
        return self._mortal.name, self._gate.name

    def check(self, client: Callable[[], None]) -> None:
        """Have the client create its batches twice: while an instance dies, and when it is gone from the beginning.

        Raises:
            AssertionError: it failed, did not ask both, did not ask again, or did not create what it says.

        """
        client()
        by_mortal, by_steady = self._by_mortal, self._steady.batches_of(self._sku)
        seen = f"one made {by_mortal} batches, the gate of the other was asked {self._gate.asked} times, which made {by_steady}"
        assert not self._mortal.is_running, f"the load was not shared by two instances: {seen}"
        assert self._gate.asked >= max(REFUSED), f"nobody came back to an instance that had refused: {seen}"
        assert by_mortal + by_steady >= BATCHES, f"{BATCHES} batches were to be made by two instances: {seen}"
        # The batches of the page have the same references every time, so they are new only to a new service.
        self._gate.stand_before(steady := self._stack.enter_context(SecureService(self._folder / "alone", self._clients)))
        client()
        seen = f"its gate was asked {self._gate.asked} times, it made {steady.batches_of(self._sku)}"
        assert self._gate.asked >= BATCHES + len(REFUSED), f"{BATCHES} batches were to be asked of the one left: {seen}"
        assert steady.batches_of(self._sku) == BATCHES, f"{BATCHES} batches were to be made by the one left: {seen}"

    def _let_it_die(self, asked: int) -> None:
        """Kill the mortal one in the middle of the run, when it has taken a part of the load."""
        if asked >= DEATH_AT and self._mortal.is_running:
            self._by_mortal = self._mortal.batches_of(self._sku)
            if self._by_mortal:
                self._mortal.kill()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._mortal = stack.enter_context(SecureService(self._folder / "mortal", self._clients))
            self._steady = stack.enter_context(SecureService(self._folder / "steady", self._clients))
            self._gate = stack.enter_context(Gate(self._let_it_die))
            self._gate.stand_before(self._steady)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
