"""A service, its load and its checker, and the ways in which a test of this folder is cruel to them."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

import nats
from stock.allocation.v1.inbound_events_pb2 import BatchQuantityChanged

from tests.faults.checker import problems
from tests.faults.evidence import CONSUMER, INBOUND, Evidence, count_rows, read_database, read_evidence, unrest
from tests.faults.fault import Account
from tests.faults.load import SEED, Load
from tests.faults.problem import Kind, Problem
from tests.service_process import ServiceProcess
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from nats.aio.client import Client

_REDELIVERED_AFTER_SECONDS = 1
_QUIET_WITHIN_SECONDS = 60.0


class Scene:
    """One data folder and the service in it; `nats_url` is given if the broker is not the service's own."""

    def __init__(self, folder: Path, *, settings: dict[str, Any] | None = None, nats_url: str = "", seed: int = SEED) -> None:
        self.service = ServiceProcess(folder, settings=settings)
        self.nats_url = nats_url or self.service.nats_url
        self.load = Load(self.service.grpc_address, self.nats_url, seed=seed)

    async def start(self, failpoint: str = "", *, after: int = 1, broken: str = "", command: tuple[str, ...] = ()) -> Self:
        """Start the service, with a failpoint, or broken, or by another command, and create the first batches."""
        self.service.command = command or command_of(failpoint, after=after, broken=broken)
        await asyncio.to_thread(self.service.start)
        await self.load.stock_up()
        await self.redeliver_after(_REDELIVERED_AFTER_SECONDS)
        return self

    async def die(self) -> None:
        """Wait until the failpoint has killed the service; its broker lives on."""
        status = await asyncio.to_thread(self.service.wait_for_death)
        assert status == -signal.SIGKILL, self.service.log.read_text()

    async def come_back(self, *, broken: str = "") -> None:
        """Start the service again, without a failpoint."""
        self.service.command = command_of(broken=broken)
        await asyncio.to_thread(self.service.start)

    async def die_and_come_back(self, *, broken: str = "") -> None:
        """Do both."""
        await self.die()
        await self.come_back(broken=broken)

    async def redeliver_after(self, seconds: int) -> None:
        """Have the broker wait so long, not half a minute, before it delivers again what a dead service had fetched."""
        async with self.client() as client:
            answer = await client.request(f"$JS.API.CONSUMER.INFO.{INBOUND}.{CONSUMER}")
            configuration = json.loads(answer.data)["config"] | {"ack_wait": seconds * 1_000_000_000}
            update = {"stream_name": INBOUND, "config": configuration, "action": "update"}
            answer = await client.request(f"$JS.API.CONSUMER.CREATE.{INBOUND}.{CONSUMER}", json.dumps(update).encode())
            assert "error" not in json.loads(answer.data), answer.data

    async def account(self, times: int, **taken_away: Any) -> Account:  # noqa: ANN401 - the checker's keywords
        """Wait until all is quiet, and draw up the account of a fault that befell the run so many times.

        `taken_away` says what the fault takes away by its nature, in the checker's words.
        """
        evidence, left = await self._settled()
        found = problems(evidence, self.load.ledger, **taken_away)
        ledger = self.load.ledger
        return Account(times, ledger.commands, len(evidence.public_events), (*left, *found), ledger.stall_seconds)

    async def problems(self, **taken_away: Any) -> list[Problem]:  # noqa: ANN401 - the checker's keywords
        """Wait until all is quiet, and let the checker say what is wrong."""
        evidence, left = await self._settled()
        return left + problems(evidence, self.load.ledger, **taken_away)

    async def evidence(self) -> Evidence:
        """Wait until all is quiet, and read everything."""
        return (await self._settled())[0]

    async def _settled(self) -> tuple[Evidence, list[Problem]]:
        """Wait until all is quiet; what does not become so is stuck."""
        left: list[Problem] = []

        async with self.client() as client:

            async def is_quiet() -> bool:
                return not await unrest(self.service.database, client)

            try:
                await eventually(is_quiet, _QUIET_WITHIN_SECONDS)
            except TimeoutError:
                still = await unrest(self.service.database, client)
                left.append(Problem(Kind.STUCK, f"after {_QUIET_WITHIN_SECONDS:g} s there are {still or 'new messages'}"))
        return await read_evidence(self.service.database, self.nats_url), left

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Read the database as it is now."""
        return read_database(self.service.database)

    def count(self, table: str) -> int:
        """Count the rows of a table as it is now."""
        return count_rows(self.service.database, table)

    async def more(self, table: str, rows: int) -> None:
        """Wait until a table has so many rows more than now."""
        wanted = self.count(table) + rows
        await eventually(lambda: self.count(table) >= wanted, _QUIET_WITHIN_SECONDS)

    def logged(self, text: str) -> bool:
        """Whether the service has said something."""
        return text in self.service.log.read_text()

    def times_logged(self, text: str) -> int:
        """Count how many times the service has said something, in all of its lives."""
        return self.service.log.read_text().count(text)

    async def said(self, text: str, times: int) -> None:
        """Wait until the service has said something so many times."""
        await eventually(lambda: self.times_logged(text) >= times, _QUIET_WITHIN_SECONDS)

    async def until_life(self, stream: str, incarnation: int) -> None:
        """Wait until the service has found a stream in such a life, or a later one."""

        def is_found() -> bool:
            rows = read_database(self.service.database, ("streams",))["streams"]
            return any(row["name"] == stream and row["incarnation"] >= incarnation for row in rows)

        await eventually(is_found, _QUIET_WITHIN_SECONDS)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Connect a bare client for a moment."""
        client = await nats.connect(self.nats_url)
        try:
            yield client
        finally:
            await client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.service.__exit__(*reason)


async def redeliver_an_older_quantity(scene: Scene, *, broken: str = "") -> None:
    """Have the service die of a quantity, then be told a newer one, and only then the older one again."""
    await scene.start("while-consuming", broken=broken)
    await scene.redeliver_after(60)
    await scene.load.publish("batch.quantity.changed", BatchQuantityChanged(batch_reference="small-table-0", quantity=7))
    await scene.die()
    await scene.load.publish("batch.quantity.changed", BatchQuantityChanged(batch_reference="small-table-0", quantity=9))
    await scene.come_back(broken=broken)
    await eventually(lambda: scene.count("inbox") == 1)
    await scene.redeliver_after(1)
    await eventually(lambda: scene.count("inbox") == 2)


def command_of(
    failpoint: str = "", *, after: int = 1, broken: str = "", restless: str = "", seed: int = SEED
) -> tuple[str, ...]:
    """Answer the command of a service with a failpoint, broken, or restless."""
    options = ["--failpoint", failpoint, "--after", str(after)] if failpoint else []
    options += ["--broken", broken] if broken else []
    options += ["--restless", restless, "--seed", str(seed)] if restless else []
    return ("-m", "tests.faults.service_with_failpoints", *options)
