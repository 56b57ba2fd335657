"""A live service for the programs: a nats-server and `allocation serve`, each of which can be killed, and what is true."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tests.nats_server import NatsServer
from tests.service_process import ServiceProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub


@dataclass(frozen=True)
class Promised:
    """How many lines are promised, and how many units they are."""

    lines: int
    units: int


class LiveService:
    """`allocation serve` on a broker of its own; use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.broker = NatsServer(folder / "broker")
        settings = {"nats_urls": self.broker.url, "shutdown_seconds": 2}
        self.service = ServiceProcess(folder, command=("-m", "allocation", "serve"), settings=settings)
        self._stack = ExitStack()

    @property
    def environment(self) -> dict[str, str]:
        """What the programs are told of it."""
        return {"GRPC_TARGET": self.service.grpc_address, "NATS_URL": self.broker.url}

    @contextmanager
    def stub(self) -> Iterator[AllocationServiceStub]:
        """Call it."""
        with self.service.stub() as stub:
            yield stub

    def promised(self) -> Promised:
        """Read the truth from its database, past everything that the programs rely on."""
        address = f"file:{self.service.database}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as database:
            rows = database.execute("SELECT count(*), coalesce(sum(quantity), 0) FROM order_lines WHERE state = 'allocated'")
            return Promised(*rows.fetchone())

    def __enter__(self) -> Self:
        self._stack.enter_context(self.broker)
        self._stack.enter_context(self.service)
        self.service.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
