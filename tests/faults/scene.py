"""A service, its load and its checker, and the ways in which a test of this folder is cruel to them."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

import nats

from tests.faults.checker import problems
from tests.faults.evidence import CONSUMER, INBOUND, Evidence, is_quiet, read_database, read_evidence
from tests.faults.load import Load
from tests.service_process import ServiceProcess
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from nats.aio.client import Client

    from tests.faults.problem import Problem

_REDELIVERED_AFTER_SECONDS = 1
_QUIET_WITHIN_SECONDS = 60.0


class Scene:
    """One data folder and the service in it; `nats_url` is given if the broker is not the service's own."""

    def __init__(self, folder: Path, *, settings: dict[str, Any] | None = None, nats_url: str = "") -> None:
        self.service = ServiceProcess(folder, settings=settings)
        self.nats_url = nats_url or self.service.nats_url
        self.load = Load(self.service.grpc_address, self.nats_url)

    async def start(self, failpoint: str = "", *, after: int = 1, broken: str = "", command: tuple[str, ...] = ()) -> Self:
        """Start the service, with a failpoint, or broken, or by another command, and create the first batches."""
        self.service.command = command or _command(failpoint, after, broken)
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
        self.service.command = _command("", 0, broken)
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

    async def problems(self, *, gone_through: int = 0) -> list[Problem]:
        """Wait until all is quiet, and let the checker say what is wrong."""
        evidence = await self.evidence()
        return problems(evidence, self.load.ledger, gone_through=gone_through)

    async def evidence(self) -> Evidence:
        """Wait until all is quiet, and read everything."""
        async with self.client() as client:
            await eventually(lambda: is_quiet(self.service.database, client), _QUIET_WITHIN_SECONDS)
        return await read_evidence(self.service.database, self.nats_url)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Read the database as it is now."""
        return read_database(self.service.database)

    def logged(self, text: str) -> bool:
        """Whether the service has said something."""
        return text in self.service.log.read_text()

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
        try:
            if self.service.is_running:
                self.service.interrupt()  # Takes its broker along, which is quicker than to hunt down an orphan.
        finally:
            self.service.__exit__(*reason)


def _command(failpoint: str, after: int, broken: str) -> tuple[str, ...]:
    options = ["--failpoint", failpoint, "--after", str(after)] if failpoint else []
    options += ["--broken", broken] if broken else []
    return ("-m", "tests.faults.service_with_failpoints", *options)
