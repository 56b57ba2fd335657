"""A live service for the programs: a nats-server and `allocation serve`, each of which can be killed, and what is true."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from stock.allocation.v1 import allocation_service_pb2 as messages

from tests.nats_server import NatsServer
from tests.service_process import ServiceProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub

CALL_SECONDS = 10.0
_numbers = itertools.count(1)


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

    def create(self, reference: str, sku: str, quantity: int) -> None:
        """Create a batch in stock."""
        request = messages.CreateBatchRequest(batch_reference=reference, sku=sku, purchased_quantity=quantity)
        with self.stub() as stub:
            stub.CreateBatch(request, timeout=CALL_SECONDS)

    def change_quantity(self, reference: str, quantity: int) -> None:
        """Say what a batch holds."""
        request = messages.ChangeBatchQuantityRequest(batch_reference=reference, quantity=quantity)
        with self.stub() as stub:
            stub.ChangeBatchQuantity(request, timeout=CALL_SECONDS)

    def allocate_line(self, order_id: str, sku: str, quantity: int) -> None:
        """Allocate a line of this order."""
        request = messages.AllocateRequest(order_id=order_id, sku=sku, quantity=quantity)
        with self.stub() as stub:
            stub.Allocate(request, timeout=CALL_SECONDS)

    def allocate(self, sku: str, lines: int, quantity: int = 1) -> None:
        """Allocate lines of orders that nobody else has."""
        with self.stub() as stub:
            for _ in range(lines):
                order_id = f"customer-{next(_numbers)}"
                stub.Allocate(messages.AllocateRequest(order_id=order_id, sku=sku, quantity=quantity), timeout=CALL_SECONDS)

    def promised(self) -> Promised:
        """Read the truth from its database, past everything that the programs rely on."""
        address = f"file:{self.service.database}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as database:
            rows = database.execute("SELECT count(*), coalesce(sum(quantity), 0) FROM order_lines WHERE state = 'allocated'")
            return Promised(*rows.fetchone())

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.broker)
            stack.enter_context(self.service)
            self.service.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
