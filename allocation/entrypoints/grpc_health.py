"""The standard health service, grpc.health.v1, told to watchers of whom some read slowly or never.

That of grpcio-health-checking holds a lock while it writes to a watcher: one who does not read would keep all others from being
told, and the service from ending.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from allocation.entrypoints.grpc_unread_calls import request_is_read

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[HealthCheckRequest, HealthCheckResponse]

_SERVING, _NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING


class HealthService(health_pb2_grpc.HealthServicer):  # type: ignore[misc] # it has no types
    """Answers by name whether something serves; the empty name, the whole process, does from the beginning."""

    def __init__(self) -> None:
        self._statuses = {"": _SERVING}
        self._changed = asyncio.Event()
        self._ends = False

    def tell(self, name: str, *, serves: bool) -> None:
        """Say whether something serves; it is not heard any more after `end`."""
        status = _SERVING if serves and not self._ends else _NOT_SERVING
        if self._statuses.get(name) != status:
            self._statuses[name] = status
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()

    def end(self) -> None:
        """Say that nothing serves any more."""
        self._ends = True
        for name in self._statuses:
            self.tell(name, serves=False)

    async def Check(self, request: HealthCheckRequest, context: Context) -> HealthCheckResponse:  # noqa: N802 - its name in the protocol
        """Answer how it is now; NOT_FOUND: nothing has that name."""
        request_is_read()
        status = self._statuses.get(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "nothing of that name has a health")
        return HealthCheckResponse(status=status)

    async def Watch(self, request: HealthCheckRequest, context: Context) -> None:  # noqa: N802 - its name in the protocol
        """Send how it is now, and then each change, until `end`; a watcher who reads slowly gets the newest of them."""
        request_is_read()
        last = None
        while True:
            changed = self._changed
            status = self._statuses.get(request.service, HealthCheckResponse.SERVICE_UNKNOWN)
            if status != last:
                await _write(context, HealthCheckResponse(status=status))
                last = status
            if self._ends:
                return
            await changed.wait()


async def _write(context: Context, answer: HealthCheckResponse) -> None:
    try:
        await context.write(answer)
    except grpc.aio.InternalError:
        # He is gone. gRPC cancels this in a moment, and whatever is sent until then fails in worse ways.
        raise asyncio.CancelledError from None
