"""Where operators' tools find the service: on loopback alone, since whoever reaches it may discard messages."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from stock.allocation.admin.v1 import admin_service_pb2_grpc

from allocation.entrypoints.address import AddressInUseError, is_free
from allocation.entrypoints.grpc_acceptor import accepting_server
from allocation.entrypoints.grpc_gate import Gate
from allocation.entrypoints.grpc_unread_calls import UNREAD_SECONDS, UnreadCalls

if TYPE_CHECKING:
    from allocation.entrypoints.admin_server import AdminService

LOOPBACK = "127.0.0.1"


class AdminListener:
    """A gRPC server on a port of 127.0.0.1; port 0 is any that is free, `address` then says which after `start`."""

    def __init__(self, service: AdminService, port: int) -> None:
        self._port = port
        self.address = f"{LOOPBACK}:{port}"
        self._unread = UnreadCalls()
        self._server = accepting_server([Gate()], [("grpc.so_reuseport", 0)], self._unread)
        admin_service_pb2_grpc.add_AdminServiceServicer_to_server(service, self._server)

    async def start(self) -> None:
        """Listen.

        Raises:
            AddressInUseError: something else does already.

        """
        bound = 0
        with contextlib.suppress(RuntimeError):
            bound = self._server.add_insecure_port(self.address) if is_free(LOOPBACK, self._port) else 0
        if bound == 0:
            raise AddressInUseError(
                f"operators' tools cannot be listened for on {self.address}: another program does that; "
                "stop it, or set ALLOCATION_ADMIN_PORT"
            )
        self.address = f"{LOOPBACK}:{bound}"
        await self._server.start()

    async def stop(self, grace_seconds: float) -> None:
        """Refuse new calls, and give those under way time to end."""
        stopping = asyncio.ensure_future(self._server.stop(grace_seconds))
        await asyncio.wait({stopping}, timeout=UNREAD_SECONDS)
        self._unread.end_all()
        await stopping

    async def ended(self) -> None:
        """Wait until nobody is listened to any more; raise what gRPC's server died of."""
        await self._server.wait_for_termination()
