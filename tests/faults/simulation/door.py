"""gRPC without its wire: the real AllocationService behind a listener, and a network that loses requests and answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.rpc import error_details_pb2, status_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from allocation.entrypoints.grpc_server import AllocationService
    from tests.faults.simulation.chance import Chance
    from tests.faults.simulation.service import Life

_DETAILS_KEY = "grpc-status-details-bin"
_REFUSED_SECONDS = 0.2


class CallFailedError(Exception):
    """A call ended with a status; `reason` is that of its ErrorInfo, empty without one."""

    def __init__(self, code: grpc.StatusCode, reason: str = "") -> None:
        super().__init__(code.name, reason)
        self.code, self.reason = code, reason


class _Context:
    """What the service uses of a gRPC context."""

    def __init__(self, correlation_id: str) -> None:
        self._metadata = (("x-correlation-id", correlation_id),) if correlation_id else ()

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        """Answer what the caller sent beside the request."""
        return self._metadata

    async def abort(
        self, code: grpc.StatusCode, _details: str = "", trailing_metadata: tuple[tuple[str, bytes], ...] = ()
    ) -> NoReturn:
        """End the call."""
        raise CallFailedError(code, _reason(dict(trailing_metadata).get(_DETAILS_KEY, b"")))


class SimulatedListener:
    """Keeps the promises of GrpcListener: serves from `start` to `stop`, which lets calls end."""

    def __init__(self, service: AllocationService | None = None) -> None:
        self._service = service
        self._calls: dict[asyncio.Task[Any], None] = {}
        self.serves = False

    async def start(self) -> None:
        """Serve."""
        self.serves = True

    async def stop(self, grace_seconds: float) -> None:
        """Refuse new calls, wait for those that run, and cancel what is left."""
        self.serves = False
        if self._calls:
            await asyncio.wait(list(self._calls), timeout=grace_seconds)
        for call in self._calls:
            call.cancel()

    async def ended(self) -> None:
        """Wait for ever: it dies of nothing but its service."""
        await asyncio.Event().wait()

    def tell_health(self, *, store: bool, broker: bool) -> None:
        """Tell nobody."""

    def begin(self, rpc: str, request: Message, correlation_id: str) -> asyncio.Task[Any]:
        """Carry out a call in a task."""
        call = asyncio.get_running_loop().create_task(self._carry_out(rpc, request, correlation_id))
        self._calls[call] = None
        call.add_done_callback(self._calls.pop)
        return call

    async def _carry_out(
        self, rpc: str, request: Message, correlation_id: str
    ) -> tuple[Message | None, CallFailedError | None]:
        try:
            return await getattr(self._service, rpc)(request, _Context(correlation_id)), None
        except CallFailedError as failure:
            return None, failure


class Network:
    """Between callers and the service that lives now, if one does."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    async def call(
        self,
        serving: Callable[[], Life | None],
        rpc: str,
        request: Message,
        deadline_seconds: float,
        correlation_id: str = "",
    ) -> Any:  # noqa: ANN401 - each RPC has its answer
        """Call.

        Raises:
            CallFailedError: with the status that a gRPC client would see.

        """
        chance = self._chance
        await asyncio.sleep(chance.latency("call slow"))
        life = serving()
        listener = life.listener if life is not None else None
        if life is None or listener is None or not listener.serves:
            await asyncio.sleep(_REFUSED_SECONDS)
            raise CallFailedError(grpc.StatusCode.UNAVAILABLE)
        if chance.befalls("request of a caller lost"):
            await asyncio.sleep(deadline_seconds)
            raise CallFailedError(grpc.StatusCode.DEADLINE_EXCEEDED)
        call = life.within(lambda: listener.begin(rpc, request, correlation_id))
        await asyncio.wait({call}, timeout=deadline_seconds)
        if not call.done():
            call.cancel()
            raise CallFailedError(grpc.StatusCode.DEADLINE_EXCEEDED)
        if call.cancelled():
            raise CallFailedError(grpc.StatusCode.UNAVAILABLE)
        if chance.befalls("answer to a caller lost"):
            raise CallFailedError(grpc.StatusCode.UNAVAILABLE)
        answer, failure = call.result()
        await asyncio.sleep(chance.latency("call slow"))
        if failure is not None:
            raise failure
        return answer


def _reason(details: bytes) -> str:
    for detail in status_pb2.Status.FromString(details).details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            reason: str = info.reason
            return reason
    return ""
