"""Replays the days through the doors, one after another, and each in the order of its rows."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from examples.online_retail.days import Adjustment, Day, Line
from examples.online_retail.errors import ReplayError
from examples.online_retail.in_flight import for_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from examples.online_retail.doors import GrpcDoor, NatsDoor
    from examples.online_retail.ledger import Asked
    from examples.online_retail.shelves import StockBook

    # Told what goes on, and how many more rows are done.
    Show = Callable[[str, int], None]


@dataclass
class Replay:
    """The one who does it, once."""

    grpc: GrpcDoor
    nats: NatsDoor
    stock: StockBook
    asked: Asked
    in_flight_max: int
    adjustments: Counter[str] = field(default_factory=Counter)
    _under_way: dict[str, set[asyncio.Future[None]]] = field(default_factory=lambda: defaultdict(set))

    async def run(self, days: list[Day], show: Show) -> None:
        """Replay all days. Raises ReplayError if the service or its broker goes away."""
        for day in days:
            await self._replay(day, show)

    async def require_new_run(self, days: list[Day]) -> None:
        """Make sure that the service is there, and knows nothing of this run.

        Raises:
            ReplayError: it is not, or does.

        """
        sku = next(line.sku for day in days for line in day.lines)
        if await self.grpc.batches(sku):
            raise ReplayError("a run of this name was replayed here before: give --run another one, or leave it out")

    async def _replay(self, day: Day, show: Show) -> None:
        show(f"{day.date} batches", 0)
        await for_each(self.stock.receive(day), self.grpc.create_batch, self.in_flight_max)
        show(f"{day.date} lines", 0)

        async def act(row: Line | Adjustment) -> None:
            match row:
                case Line():
                    await self._ask(day, row)
                case Adjustment():
                    await self._adjust(row)
            show(f"{day.date} lines", 1)

        began = time.monotonic()
        await for_each(day.rows, act, self.in_flight_max)
        self.asked.seconds[day.date] = time.monotonic() - began

    async def _ask(self, day: Day, line: Line) -> None:
        with self._under_way_with(line.sku):
            self.asked.ask(day.date, line)
            self.asked.answer(await self.grpc.allocate(line))

    async def _adjust(self, adjustment: Adjustment) -> None:
        # What stands above it in the file comes first, so that what is lost was promised; other skus go on meanwhile.
        before = set(self._under_way[adjustment.sku])
        with self._under_way_with(adjustment.sku):
            if before:
                await asyncio.wait(before)
            changed = self.stock.adjust(adjustment)
            if changed is not None:
                await self.nats.publish(changed)
        self.adjustments["adjustments without effect" if changed is None else "adjustments published"] += 1

    @contextmanager
    def _under_way_with(self, sku: str) -> Iterator[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way[sku].add(done)
        try:
            yield
        finally:
            self._under_way[sku].discard(done)
            done.set_result(None)
