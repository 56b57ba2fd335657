"""The kept lines as the model sees them: a collection of which it never loads more than it asks about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from allocation.domain.order_line import KeptLine


class Lines(Protocol):
    """All kept lines. Whatever was `put` is seen by every later call."""

    def find(self, order_id: str, line_id: str) -> KeptLine | None:
        """Find the line of this name, whatever its sku."""

    def put(self, kept: KeptLine) -> None:
        """Keep the line as it stands now; it is called after every change of a line."""

    def latest_on(self, batch_reference: str) -> Iterator[KeptLine]:
        """Go through the lines promised to a batch, the highest promise number first."""

    def waiting(self, sku: str, after: int, room: Callable[[], int]) -> Iterator[KeptLine]:
        """Go through the lines of a sku without a batch whose promise number is above `after`, the lowest first.

        Backordered lines of a quantity above `room()` may be passed over; displaced ones never are.
        """
