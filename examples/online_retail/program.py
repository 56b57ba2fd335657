"""One replay from the first connection to the last check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from stock.allocation.v1 import events_pb2

from examples.online_retail.arrival import Arrival
from examples.online_retail.checks import Run
from examples.online_retail.days import read_days
from examples.online_retail.doors import open_grpc, open_nats
from examples.online_retail.events import reading
from examples.online_retail.ledger import Asked
from examples.online_retail.replay import Replay
from examples.online_retail.report import print_checks, print_table
from examples.online_retail.shelves import StockBook

if TYPE_CHECKING:
    import argparse


async def replay(arguments: argparse.Namespace) -> bool:
    """Replay, print and check; answer whether all is well."""
    days = read_days(arguments.folder, arguments.run)
    asked, stock = Asked(), StockBook(arguments.coverage, arguments.in_stock)
    source = f"/examples/online-retail/{arguments.run}"
    async with (
        open_grpc(arguments.grpc) as grpc,
        open_nats(arguments.nats, source, events_pb2.Allocated) as nats,
        reading(nats, arguments.run) as reader,
    ):
        replaying = Replay(grpc, nats, stock, asked, arguments.in_flight)
        await replaying.require_new_run(days)
        with _progress() as progress:
            task = progress.add_task("", total=sum(len(day.rows) for day in days))
            await replaying.run(days, lambda what, rows: progress.update(task, description=what, advance=rows))
            progress.update(task, description="the last events")
            arrival = Arrival(reader, arguments.deadline_seconds)
            listed = await arrival.listed(grpc, nats, asked, stock, arguments.in_flight)
            progress.update(task, description="done")
    run = Run(len(days), asked, stock, reader.events, listed)
    console = Console()
    print_table(console, run, sum((day.left_out for day in days), replaying.adjustments))
    return print_checks(console, run, arrival.missing)


def _progress() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeElapsedColumn()
    return Progress(*columns, console=Console(stderr=True))
