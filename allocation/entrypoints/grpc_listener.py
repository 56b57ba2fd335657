"""Where gRPC listens: the service of the contract, standard health and reflection on one port."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from stock.allocation.v1 import allocation_service_pb2, allocation_service_pb2_grpc

from allocation.entrypoints.address import AddressInUseError, is_free
from allocation.entrypoints.grpc_acceptor import accepting_server
from allocation.entrypoints.grpc_certificates import CertificateError
from allocation.entrypoints.grpc_gate import Gate
from allocation.entrypoints.grpc_health import HealthService
from allocation.entrypoints.grpc_limits import limits
from allocation.entrypoints.grpc_unread_calls import UNREAD_SECONDS, UnreadCalls
from allocation.entrypoints.grpc_waiting_room import WaitingRoom

if TYPE_CHECKING:
    import grpc

    from allocation.entrypoints.grpc_server import AllocationService

SERVICE_NAME = allocation_service_pb2.DESCRIPTOR.services_by_name["AllocationService"].full_name
BROKER_HEALTH_NAME = "allocation.broker"
"""The broker has a health of its own: while it is away the service still serves."""
_HEALTH_NAME = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_REFUSING_SECONDS = 0.2
_TOLD_SECONDS = 0.05
"""Within which gRPC has told every connection to call elsewhere."""


class GrpcListener:
    """A gRPC server on one address; `start` binds it. Without credentials it speaks plain text."""

    def __init__(
        self, service: AllocationService, host: str, port: int, credentials: grpc.ServerCredentials | None = None
    ) -> None:
        self._host, self._port, self._credentials = host, port, credentials
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._health = HealthService()
        room = WaitingRoom()
        self._gate = Gate(room)
        self._unread = UnreadCalls()
        self._server = accepting_server([self._gate], list(limits()), self._unread, room, waiting=f"/{SERVICE_NAME}/")
        allocation_service_pb2_grpc.add_AllocationServiceServicer_to_server(service, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE_NAME, _HEALTH_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)

    async def start(self) -> None:
        """Listen.

        Raises:
            AddressInUseError: something else does already, or the address is not ours.
            CertificateError: gRPC takes no key of this kind.

        """
        free, bound = is_free(self._host, self._port), 0
        with contextlib.suppress(RuntimeError):
            bound = self._bind() if free else 0
        if bound == 0 and free and self._credentials is not None:
            raise CertificateError(
                f"gRPC cannot listen on {self.address} with the certificate of ALLOCATION_GRPC_CERTIFICATE_FILE; "
                "name one with an RSA key or an ECDSA key on P-256 or P-384"
            )
        if bound == 0:
            raise AddressInUseError(
                f"gRPC cannot listen on {self.address}: another program does, or it is no address of this machine; "
                "stop it, or set ALLOCATION_GRPC_PORT"
            )
        await self._server.start()

    def _bind(self) -> int:
        if self._credentials is None:
            return self._server.add_insecure_port(self.address)
        return self._server.add_secure_port(self.address, self._credentials)

    async def stop(self, grace_seconds: float) -> None:
        """Refuse new calls, and give those under way time to end."""
        self._health.end()
        # gRPC answers CANCELLED to what arrives while it stops, which looks like the caller's own doing.
        self._gate.close()
        await asyncio.sleep(_REFUSING_SECONDS)
        stopping = asyncio.ensure_future(self._server.stop(grace_seconds))
        await asyncio.sleep(_TOLD_SECONDS)
        self._gate.refuse()
        await asyncio.wait({stopping}, timeout=UNREAD_SECONDS)
        self._unread.end_all()
        await stopping

    async def ended(self) -> None:
        """Wait until nobody is listened to any more; raise what gRPC's server died of."""
        await self._server.wait_for_termination()

    def tell_health(self, *, store: bool, broker: bool) -> None:
        """Say what can be reached: the store is the health of the service."""
        for name, serves in (("", store), (SERVICE_NAME, store), (BROKER_HEALTH_NAME, broker)):
            self._health.tell(name, serves=serves)
