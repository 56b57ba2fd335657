"""A gRPC server that takes calls in as fast as they come, and that no name of a method can bring down."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined] # compiled code has no types

from allocation.entrypoints import grpc_errors
from allocation.entrypoints.grpc_batches import give_batches_back
from allocation.service_layer.errors import QueueFullError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from allocation.entrypoints.grpc_unread_calls import UnreadCalls
    from allocation.entrypoints.grpc_waiting_room import WaitingRoom

_Status = tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]
_NEVER_CAME: _Status = (grpc.StatusCode.UNAVAILABLE, "the request did not come, and nobody waits for it any more", ())
_ACCEPTED_AT_ONCE = 128


def accepting_server(
    interceptors: Sequence[grpc.aio.ServerInterceptor],
    options: Sequence[tuple[str, Any]],
    unread: UnreadCalls,
    room: WaitingRoom | None = None,
    waiting: str = "",
) -> grpc.aio.Server:
    """Make a server for methods that are registered with it, as generated code does; it refuses all others itself.

    Calls of methods whose names begin with `waiting` are refused, before their request is read, while `room` has none. Those
    that are taken in, and whose request does not come, are counted by `unread`.
    """
    give_batches_back()
    server: Any = grpc.aio.server(interceptors=interceptors, options=options)
    server._server = _Acceptor(tuple(interceptors), tuple(options), unread, room, waiting.encode())  # noqa: SLF001 - see the class
    made: grpc.aio.Server = server
    return made


class _Acceptor(cygrpc.AioServer):  # type: ignore[misc] # compiled code has no types
    """Takes in many calls at a time, and answers UNIMPLEMENTED to what is not registered without a look at its name.

    grpc.aio 1.85 takes in one call per method and turn of the event loop: under load the others wait inside gRPC, where nobody
    can refuse them. And it decodes the name of an unknown method in the loop that accepts every call: a `:path` that is no
    UTF-8 ended that loop. There is no public way around either, so this leans on what is inside: see docs/adr/0012.
    """

    def __init__(
        self,
        interceptors: tuple[grpc.aio.ServerInterceptor, ...],
        options: tuple[tuple[str, Any], ...],
        unread: UnreadCalls,
        room: WaitingRoom | None,
        waiting: bytes,
    ) -> None:
        self._event_loop: asyncio.AbstractEventLoop = cygrpc.get_working_loop()
        super().__init__(self._event_loop, None, (), interceptors, options, None)
        self._before_handlers = interceptors
        self._handlers: dict[str, Any] = {}
        self._waiting_methods = waiting
        self._room = room
        self._unread = unread
        self._under_way: set[asyncio.Task[None]] = set()
        self._ends = False
        self._ended: asyncio.Future[None] = self._event_loop.create_future()

    def add_registered_method_handlers(self, method_handlers: dict[str, Any]) -> None:
        super().add_registered_method_handlers(method_handlers)
        self._handlers |= method_handlers

    async def shutdown(self, grace: float | None) -> None:
        """Stop; it calls this itself when its loop died, and raises what it died of."""
        if self._ended.done():
            return
        self._ends = True
        try:
            await super().shutdown(grace)
        except Exception as error:
            with suppress(asyncio.InvalidStateError):  # It was stopped twice at a time.
                self._ended.set_exception(error)
            raise
        with suppress(asyncio.InvalidStateError):
            self._ended.set_result(None)

    async def wait_for_termination(self, timeout: float | None) -> bool:  # noqa: ASYNC109 - its name and ways are gRPC's
        """Do as gRPC says; its own would wait for ever after a death."""
        ended, _ = await asyncio.wait({self._ended}, timeout=timeout)
        for one in ended:
            one.result()
        return bool(ended)

    def _make_request_call_future(self, method: bytes | None) -> asyncio.Future[Any]:
        """Answer what is done only when the server stops: it is asked once for each method, and once for all others."""
        if method is None:
            return _shielded(self._event_loop.create_task(self._accept(self._request_call, ""), name="unknown-methods"))
        room = self._room if method.startswith(self._waiting_methods) else None
        request = partial(self._request_registered_call, method)
        accepting = (self._accept(request, method.decode(), room) for _ in range(_ACCEPTED_AT_ONCE))
        return _shielded(asyncio.gather(*accepting))

    async def _accept(self, request: Any, method: str, room: WaitingRoom | None = None) -> None:  # noqa: ANN401 - compiled code has no types
        """Take in calls one after the other."""
        while True:
            try:
                call = await request()
            except cygrpc._RequestCallError:  # noqa: SLF001 - see the class
                if self._ends:
                    raise
                continue
            try:
                if room is not None:
                    room.require_room()
            except QueueFullError as error:
                await self._refuse(call, error)
            else:
                self._begin(method, call)

    def _begin(self, method: str, call: Any) -> None:  # noqa: ANN401 - compiled code has no types
        found = cygrpc._MethodResolver([], self._handlers)  # noqa: SLF001 - see the class
        handling = cygrpc._handle_rpc(method, found, self._before_handlers, call, self._event_loop, False)  # noqa: FBT003, SLF001 - see the class
        scheduled = cygrpc._schedule_rpc_coro(handling, call, self._event_loop, method or "unknown method")  # noqa: SLF001 - see the class
        end = partial(self._end, call)
        self._keep(self._event_loop.create_task(scheduled, context=self._unread.begin(end)), end)

    def _keep(self, task: asyncio.Task[None], end: Callable[[], None]) -> None:
        def is_over(_: asyncio.Task[None]) -> None:
            self._under_way.discard(task)
            self._unread.forget(end)

        self._under_way.add(task)
        task.add_done_callback(is_over)

    def _end(self, call: Any) -> None:  # noqa: ANN401 - compiled code has no types
        """End a call that waits for its request: it then gets none. If it were cancelled, gRPC would write to freed memory."""
        ending = self._event_loop.create_task(self._answer(call, _NEVER_CAME))
        self._under_way.add(ending)
        ending.add_done_callback(self._under_way.discard)

    async def _refuse(self, call: Any, error: QueueFullError) -> None:  # noqa: ANN401 - compiled code has no types
        """Refuse a call without reading its request: under ten times the load this is what the service does most."""
        await self._answer(call, _refusal(error.waiting_max), cygrpc.ReceiveCloseOnServerOperation(0))

    async def _answer(self, call: Any, answer: _Status, *others: Any) -> None:  # noqa: ANN401 - compiled code has no types
        code, text, trailers = answer
        status = cygrpc.SendStatusFromServerOperation(trailers, code.value[0], text, 0)
        with suppress(cygrpc.ExecuteBatchError):  # Its caller is gone.
            await cygrpc.execute_batch(call, (cygrpc.SendInitialMetadataOperation((), 0), status, *others), self._event_loop)


def _shielded(accepting: asyncio.Future[Any]) -> asyncio.Future[Any]:
    """Keep the server's own loop from cancelling a request for a call: gRPC would write to freed memory."""
    accepting.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    return asyncio.shield(accepting)


@lru_cache
def _refusal(waiting_max: int) -> _Status:
    return grpc_errors.status_of(QueueFullError(waiting_max))
