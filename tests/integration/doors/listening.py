"""The gRPC door, listening, with everything behind it in reach."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs

from allocation.entrypoints.grpc_listener import GrpcListener
from allocation.entrypoints.grpc_server import AllocationService
from tests.integration.doors.parts import Parts, running_parts
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable


class WatchedService(AllocationService):
    """The service, counting how many calls of Allocate have ended, however they did."""

    ended = 0

    async def Allocate(self, request: Any, context: Any) -> messages.AllocateResponse:  # noqa: ANN401, N802 - as generated
        """Promise a line, and count."""
        try:
            return await super().Allocate(request, context)
        finally:
            self.ended += 1


class Door:
    """A listening door, a client of it, and what is behind it."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.store = parts, parts.store
        self.service = WatchedService(parts.group_commit, parts.store, lambda: "new-id")
        self.listener = GrpcListener(self.service, "127.0.0.1", free_port())
        self.channel = grpc.aio.insecure_channel(self.listener.address)
        self.stub: stubs.AllocationServiceAsyncStub = stubs.AllocationServiceStub(self.channel)

    def create(self, reference: str, sku: str = "SMALL-TABLE", quantity: int = 10) -> Awaitable[messages.CreateBatchResponse]:
        """Begin to create a batch."""
        return self.stub.CreateBatch(
            messages.CreateBatchRequest(batch_reference=reference, sku=sku, purchased_quantity=quantity)
        )

    def allocate(self, order_id: str, timeout_seconds: float | None = None) -> Any:  # noqa: ANN401 - a call of grpc.aio
        """Begin to allocate a line."""
        request = messages.AllocateRequest(order_id=order_id, sku="SMALL-TABLE", quantity=1)
        return self.stub.Allocate(request, timeout=timeout_seconds)

    async def health(self, name: str) -> int:
        """Ask for a health."""
        stub: Any = health_pb2_grpc.HealthStub(self.channel)
        return int((await stub.Check(health_pb2.HealthCheckRequest(service=name))).status)


@asynccontextmanager
async def listening_door(**limits: int) -> AsyncIterator[Door]:
    """Listen over parts with these limits, and close in order."""
    async with running_parts(**limits) as parts:
        door = Door(parts)
        await door.listener.start()
        yield door
        await door.channel.close()
        await door.listener.stop(5.0)
