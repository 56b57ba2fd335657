"""An operators' door that carries out one request and then is not what it should be: written by hand, since no service is."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
from stock.allocation.admin.v1 import admin_service_pb2 as messages
from stock.allocation.admin.v1.admin_service_pb2_grpc import AdminServiceServicer, add_AdminServiceServicer_to_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Answer = TypeVar("Answer")


class Door(AdminServiceServicer):
    """Answers the first request as if all of it was done, and has `then` deal with every later one."""

    def __init__(self, then: Callable[[grpc.ServicerContext], None]) -> None:
        self.port = 0
        self._then = then
        self._is_first = True

    def carry_out_nothing(self) -> None:
        """Have the first request dealt with as every later one."""
        self._is_first = False

    def Describe(self, request: Any, context: Any) -> messages.DescribeResponse:  # noqa: ANN401, ARG002, N802 - the contract names it
        """Be the process that holds the lock: the tests'."""
        return messages.DescribeResponse(process_id=os.getpid())

    def ReplayParked(self, request: messages.ReplayParkedRequest, context: Any) -> messages.ReplayParkedResponse:  # noqa: ANN401, N802 - the contract names it
        """Say that all took effect."""
        applied = messages.REPLAY_OUTCOME_APPLIED
        replays = [messages.Replay(place=place, outcome=applied) for place in request.places]
        return self._answer(context, messages.ReplayParkedResponse(replays=replays))

    def DiscardParked(self, request: messages.DiscardParkedRequest, context: Any) -> messages.DiscardParkedResponse:  # noqa: ANN401, N802 - the contract names it
        """Say that all were parked."""
        return self._answer(context, messages.DiscardParkedResponse(discarded=len(request.places)))

    def ReEmit(self, request: messages.ReEmitRequest, context: Any) -> messages.ReEmitResponse:  # noqa: ANN401, N802 - the contract names it
        """Say that all are in the outbox."""
        return self._answer(context, messages.ReEmitResponse(queued=len(request.event_ids)))

    def ResetConsumer(self, request: Any, context: Any) -> messages.ResetConsumerResponse:  # noqa: ANN401, ARG002, N802 - the contract names it
        """Say that nothing is to be delivered."""
        return self._answer(context, messages.ResetConsumerResponse(pending=0))

    def RepairProduct(self, request: messages.RepairProductRequest, context: Any) -> messages.RepairProductResponse:  # noqa: ANN401, N802 - the contract names it
        """Say that it was mended."""
        return self._answer(context, messages.RepairProductResponse(changes=[f"{request.sku} was mended"]))

    def _answer(self, context: grpc.ServicerContext, answer: Answer) -> Answer:
        is_first, self._is_first = self._is_first, False
        if not is_first:
            self._then(context)
        return answer


def dies(context: grpc.ServicerContext) -> None:
    """Answer as a connection does whose other end was killed."""
    context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")


@contextmanager
def open_door(then: Callable[[grpc.ServicerContext], None]) -> Iterator[Door]:
    """Open such a door on a free port, and close it."""
    door = Door(then)
    server = grpc.server(ThreadPoolExecutor(2))
    add_AdminServiceServicer_to_server(door, server)
    door.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield door
    finally:
        server.stop(0).wait()
