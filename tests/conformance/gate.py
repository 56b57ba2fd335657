"""A gate in front of an instance: it refuses some of the batches as an instance does that is going away, and counts.

Everything else, and every other call, goes on to the instance unread. So a client that does not ask again fails, however fast
it notices by its connections who is gone.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Self

import grpc

from tests.conformance.secure import server_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.secure import SecureService

CREATE_BATCH = "/stock.allocation.v1.AllocationService/CreateBatch"
# These of the calls for a batch, counted from 1. Never two in a row, so that a client that takes turns with an instance that is
# gone needs four attempts and not more.
REFUSED = (1, 3)
FORWARD_SECONDS = 10.0


class Gate(grpc.GenericRpcHandler):
    """Listens on localhost with a certificate of the authority; use it as a context manager."""

    def __init__(self, at_each_batch: Callable[[int], None]) -> None:
        self._at_each_batch = at_each_batch
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._channel: grpc.Channel | None = None
        self.asked = 0
        self.port = 0

    def stand_before(self, instance: SecureService) -> None:
        """Send on to this instance from now on, and begin to count anew."""
        self._channel = self._stack.enter_context(instance.channel())
        self.asked = 0

    @property
    def name(self) -> str:
        """Where its clients call it."""
        return f"localhost:{self.port}"

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Take any unary call; without serializers, messages stay bytes."""
        return grpc.unary_unary_rpc_method_handler(partial(self._answer, handler_call_details.method))

    def _answer(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        if method == CREATE_BATCH:
            with self._lock:
                self.asked += 1
                number = self.asked
                self._at_each_batch(number)
            if number in REFUSED:
                context.abort(grpc.StatusCode.UNAVAILABLE, "this instance is going away")
        assert self._channel is not None, "the gate stands before no instance"
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(method)
        try:
            return call(request, timeout=FORWARD_SECONDS)
        except grpc.RpcError as error:
            context.set_trailing_metadata(tuple((one.key, one.value) for one in error.trailing_metadata() or ()))
            context.abort(error.code(), error.details() or "")

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            server = grpc.server(ThreadPoolExecutor(4), handlers=[self], options=[("grpc.so_reuseport", 0)])
            self.port = server.add_secure_port("127.0.0.1:0", server_credentials())
            server.start()
            stack.callback(lambda: server.stop(0).wait())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
