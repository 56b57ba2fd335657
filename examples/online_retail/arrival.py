"""Waits until all that must have happened was heard of, and asks the service how things stand then."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stock.allocation.v1 import events_pb2

from examples.online_retail.in_flight import for_each
from examples.online_retail.ledger import Listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stock.allocation.v1.line_pb2 import LineStatus

    from examples.online_retail.doors import GrpcDoor, NatsDoor
    from examples.online_retail.events import Events, Reader
    from examples.online_retail.ledger import Asked
    from examples.online_retail.shelves import StockBook


@dataclass
class Arrival:
    """The end of a run. What is still missing when a wait is over is entered under `missing`."""

    reader: Reader
    deadline_seconds: float
    missing: list[str] = field(default_factory=list)

    async def listed(self, grpc: GrpcDoor, nats: NatsDoor, asked: Asked, stock: StockBook, in_flight_max: int) -> Listed:
        """Answer how things stand when nothing is under way any more.

        The events tell when every adjustment has taken effect; only then are lines and batches listed. What is listed must
        be heard of too, and at last all that the stream then holds is read, so that an event too many is seen as well.
        """
        events = self.reader.events
        await self._wait("the effect of every adjustment", lambda: _stock_arrived(events, stock) and _none_displaced(events))
        await self._wait("every answer", lambda: _arrived(events, asked.answers.values()))
        listed = await list_all(grpc, asked, stock, in_flight_max)
        await self._wait("every line as it is listed", lambda: _arrived(events, listed.lines.values()))
        last_sequence = await nats.last_sequence()
        await self._wait("all that their stream holds", lambda: events.read_through >= last_sequence)
        return listed

    async def _wait(self, what: str, condition: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(self.deadline_seconds):
                await self.reader.until(condition)
        except TimeoutError:
            self.missing.append(f"after {self.deadline_seconds:g} s the events still did not tell {what}")


async def list_all(grpc: GrpcDoor, asked: Asked, stock: StockBook, in_flight_max: int) -> Listed:
    """List the lines of every order and the batches of every sku of the run."""
    listed = Listed()

    async def list_lines(order_id: str) -> None:
        listed.lines.update({(line.order_id, line.line_id): line for line in await grpc.lines(order_id)})

    async def list_batches(sku: str) -> None:
        listed.batches.update({batch.batch_reference: batch for batch in await grpc.batches(sku)})

    await for_each(asked.orders, list_lines, in_flight_max)
    await for_each(stock.shelves, list_batches, in_flight_max)
    return listed


def _stock_arrived(events: Events, stock: StockBook) -> bool:
    return all(len(events.stock.get(reference, ())) >= len(stock.quantities[reference]) for reference in stock.quantities)


def _none_displaced(events: Events) -> bool:
    return not any(isinstance(message, events_pb2.Deallocated) for message in events.last.values())


def _arrived(events: Events, statuses: Iterable[LineStatus]) -> bool:
    return all(status.sku_sequence in events.by_sku.get(status.sku, ()) for status in statuses) and all(
        len(told) == max(told) for told in events.by_sku.values()
    )
