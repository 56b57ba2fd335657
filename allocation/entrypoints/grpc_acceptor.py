"""A gRPC server that no name of a method can bring down. What the methods do is decided elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined] # compiled code has no types

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence


def accepting_server(interceptors: Sequence[grpc.aio.ServerInterceptor], options: Sequence[tuple[str, Any]]) -> grpc.aio.Server:
    """Make a server for methods that are registered with it, as generated code does; it refuses all others itself."""
    server: Any = grpc.aio.server(interceptors=interceptors, options=options)
    loop = cygrpc.get_working_loop()
    server._server = _Acceptor(loop, None, (), interceptors, tuple(options), None)  # noqa: SLF001 - see the class
    made: grpc.aio.Server = server
    return made


class _Acceptor(cygrpc.AioServer):  # type: ignore[misc] # compiled code has no types
    """Answers UNIMPLEMENTED to what is not registered, and does not look at its name.

    grpc.aio 1.85 decodes such a name in the loop that accepts every call: a `:path` that is no UTF-8, in a single request,
    ended that loop, and the server with it. There is no public way around it, so this leans on what is inside; a test
    sends such a name, and tells when a newer gRPC is otherwise.
    """

    def _make_request_call_future(self, method: bytes | None) -> asyncio.Future[Any]:
        if method is not None:
            registered: asyncio.Future[Any] = super()._make_request_call_future(method)
            return registered
        loop: asyncio.AbstractEventLoop = cygrpc.get_working_loop()
        return loop.create_task(self._refuse_others(loop), name="unknown-methods")

    async def _refuse_others(self, loop: asyncio.AbstractEventLoop) -> None:
        """Refuse until the server stops: then asking for the next call raises what the server waits for."""
        nothing = cygrpc._MethodResolver([], {})  # noqa: SLF001 - see the class
        refusing: set[asyncio.Task[None]] = set()
        while True:
            call = await self._request_call()
            refusal = cygrpc._handle_rpc("", nothing, (), call, loop, False)  # noqa: FBT003, SLF001 - see the class
            task = loop.create_task(cygrpc._schedule_rpc_coro(refusal, call, loop, "unknown method"))  # noqa: SLF001 - see the class
            refusing.add(task)
            task.add_done_callback(refusing.discard)
