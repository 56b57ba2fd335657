"""Compares all books of a database with each other, and has what can be concluded from the others mended."""

from __future__ import annotations

import shlex
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from stock.allocation.admin.v1.admin_service_pb2 import RepairProductRequest

from allocation.adapters.sql.books_reader import books
from allocation.adapters.sql.sqlite import open_for_reading
from allocation.operators.books.comparison import Comparison
from allocation.operators.books.oddities import ODDITIES
from allocation.operators.database import database_to_look_into
from allocation.operators.mending import mending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from allocation.adapters.sql.books_reader import BooksReader
    from allocation.operators.books.disagreement import Disagreement
    from allocation.settings import Settings

LINES_IN_REQUEST_MAX = 10_000
"""The lines of one product are mended in one transaction up to this many; more of them in several."""
_REQUEST_BYTES_MAX = 3 << 20
_REPAIR_SECONDS = 300.0


@dataclass
class Verified:
    """What was compared, what was forgotten by age, and what does not agree."""

    disagreements: list[Disagreement]
    checked: dict[str, int]
    truncated: list[Any]
    highest: dict[str, int] = field(default_factory=dict)
    """The highest sku_sequence of each sku in the log."""

    @property
    def repairable_skus(self) -> list[str]:
        """The products that `--repair` mends something of."""
        return sorted({found.sku for found in self.disagreements if found.is_repairable})


@dataclass
class Repaired:
    """What became of a product, in words."""

    sku: str
    changes: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


async def verify(settings: Settings, progressed: Callable[[int], None] = lambda _: None) -> Verified:
    """Compare all books as they are at one instant, whether a service writes to them or not; only looks.

    `progressed` is told how many more events of the log were read.

    Raises:
        StartupError: there is no database, or it cannot be read.

    """
    path = database_to_look_into(settings)
    async with open_for_reading(path) as engine, books(engine) as reader:
        verified = await compare(reader, progressed)
    named = [
        replace(found, advice=found.advice.replace("DATABASE", shlex.quote(str(path)))) for found in verified.disagreements
    ]
    return replace(verified, disagreements=named)


async def log_rows(settings: Settings) -> int:
    """Count the events of the log, which is what takes the time. Raises as `verify`."""
    async with open_for_reading(database_to_look_into(settings)) as engine, books(engine) as reader:
        return await reader.count("events")


async def compare(reader: BooksReader, progressed: Callable[[int], None]) -> Verified:
    """Go once through every table of a snapshot."""
    comparison = Comparison(await reader.truncated_sequences())
    async for page in reader.batches():
        comparison.take_up_batches(page)
    async for page in reader.log():
        for row in page:
            comparison.log.take_up(*row)
        progressed(len(page))
    async for page in reader.lines():
        comparison.take_up_lines(page)
    comparison.end_lines()
    comparison.take_up_commands(await reader.commands())
    async for page in reader.products():
        comparison.take_up_products(page)
    comparison.end_products()
    async for page in reader.batches_without_fence():
        causes = list(comparison.changed_by(page).values())
        comparison.take_up_unfenced(page, await reader.consumed(causes))
    for name in ODDITIES:
        comparison.take_up_oddities(name, await reader.oddities(name))
    checked = comparison.checked | {
        table: await reader.count(table) for table in ("outbox", "inbox", "fences", "parked_messages")
    }
    return Verified(comparison.disagreements, checked, list(await reader.truncations()), comparison.log.highest)


async def repair(
    settings: Settings,
    verified: Verified,
    progressed: Callable[[int], None],
    asking: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Repaired]:
    """Have every product mended that disagrees, one after the other, by the service that runs or under its lock.

    `asking` is told of each sku before it is asked for: it may have been mended, also if nobody answers.

    Raises:
        StartupError: the service that uses the database does not answer.
        grpc.aio.AioRpcError: it could not do it.

    """
    by_sku: defaultdict[str, list[Disagreement]] = defaultdict(list)
    for found in verified.disagreements:
        by_sku[found.sku].append(found)
    async with mending(settings) as stub:
        for sku in verified.repairable_skus:
            repaired = Repaired(sku)
            asking(sku)
            for request in requests(sku, verified.highest.get(sku, 0), by_sku[sku]):
                answer = await stub.RepairProduct(request, timeout=_REPAIR_SECONDS)
                repaired.changes += answer.changes
                repaired.refusals += answer.refusals
            progressed(1)
            yield repaired


def requests(sku: str, highest: int, found: Sequence[Disagreement]) -> Iterator[RepairProductRequest]:
    """Ask for a product to be mended, in as many requests as its lines need: mostly one."""
    request = RepairProductRequest(sku=sku, sku_sequence_min=highest)
    size = 0
    for disagreement in found:
        if disagreement.correction is None:
            continue
        if len(request.lines) == LINES_IN_REQUEST_MAX or size > _REQUEST_BYTES_MAX:
            yield request
            request, size = RepairProductRequest(sku=sku, sku_sequence_min=highest), 0
        request.lines.append(disagreement.correction)
        size += disagreement.correction.ByteSize()
    yield request
