"""What meets a call before its RPC does: bytes that are no request are malformed, some have to wait or come too late."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError

from allocation.contract.validation import MalformedError, Violation
from allocation.entrypoints import grpc_errors
from allocation.entrypoints.grpc_unread_calls import request_is_read
from allocation.entrypoints.grpc_waiting_room import WaitingRoom
from allocation.service_layer.errors import QueueFullError, ShuttingDownError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_OURS = "/stock.allocation."


class Gate(grpc.aio.ServerInterceptor):
    """Decodes the requests of our own unary RPCs: gRPC would answer UNKNOWN, with the words of our decoder."""

    def __init__(self, room: WaitingRoom | None = None) -> None:
        self._room = room or WaitingRoom()
        self._closed = False
        self._refusing = asyncio.Event()

    def close(self) -> None:
        """Hold every call from now on, until `refuse`; those under way go on."""
        self._closed = True
        self._room.open()

    def refuse(self) -> None:
        """Refuse what was held: by now its caller was told to connect elsewhere, and does not ask here again."""
        self._refusing.set()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Put ourselves before the RPC."""
        found = await continuation(handler_call_details)
        method = handler_call_details.method
        if found is not None and found.request_streaming:
            request_is_read()  # It waits for one request after the other: gRPC's reflection alone.
        if found is None or not method.startswith(_OURS):
            return found
        handler: Any = found

        async def call(payload: bytes, context: Any) -> Any:  # noqa: ANN401 - as generated
            request_is_read()
            try:
                request = handler.request_deserializer(payload)
            except DecodeError:
                violation = Violation("request", f"{len(payload)} bytes that are no request of {method}")
                await grpc_errors.abort(context, MalformedError([violation]))
            try:
                async with self._room.place():
                    if self._closed:
                        await self._refusing.wait()
                        await grpc_errors.abort(context, ShuttingDownError())
                    return await handler.unary_unary(request, context)
            except QueueFullError as error:
                await grpc_errors.abort(context, error)

        return grpc.unary_unary_rpc_method_handler(call, None, handler.response_serializer)
