"""Stands in for the service where the real one cannot be brought to it: it is not serving, or silent from some call on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import HealthServicer
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1 import batch_pb2, line_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    Request = messages.CreateBatchRequest | messages.AllocateRequest

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SILENT_SECONDS_MAX = 60.0
_STOP_SECONDS = 5.0
_SERVICE = messages.DESCRIPTOR.services_by_name["AllocationService"].full_name


def answers_all(_: Request) -> bool:
    """Leave no request without an answer."""
    return False


class StandIn:
    """A gRPC server that keeps nothing: it has any batch that is asked for, and never answers what `is_silent_at` names."""

    def __init__(
        self,
        health: health_pb2.HealthCheckResponse.ServingStatus = SERVING,
        is_silent_at: Callable[[Request], bool] = answers_all,
    ) -> None:
        self._is_silent_at = is_silent_at
        self._stopping = threading.Event()
        self._server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        self.target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        checks = HealthServicer()
        for service in ("", _SERVICE):
            checks.set(service, health)
        health_pb2_grpc.add_HealthServicer_to_server(checks, self._server)
        calls: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "CreateBatch": grpc.unary_unary_rpc_method_handler(
                self._create_batch, messages.CreateBatchRequest.FromString, messages.CreateBatchResponse.SerializeToString
            ),
            "Allocate": grpc.unary_unary_rpc_method_handler(
                self._allocate, messages.AllocateRequest.FromString, messages.AllocateResponse.SerializeToString
            ),
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, calls),))

    def _create_batch(
        self, request: messages.CreateBatchRequest, context: grpc.ServicerContext
    ) -> messages.CreateBatchResponse:
        self._keep_silent(request, context)
        reference, sku, quantity = request.batch_reference, request.sku, request.purchased_quantity
        batch = batch_pb2.Batch(batch_reference=reference, sku=sku, purchased_quantity=quantity)
        return messages.CreateBatchResponse(batch=batch)

    def _allocate(self, request: messages.AllocateRequest, context: grpc.ServicerContext) -> messages.AllocateResponse:
        self._keep_silent(request, context)
        return messages.AllocateResponse(
            line=line_pb2.LineStatus(
                order_id=request.order_id,
                line_id=request.line_id or request.sku,
                sku=request.sku,
                quantity=request.quantity,
                state=line_pb2.LINE_STATE_ALLOCATED,
                batch_reference=f"{request.sku.removesuffix('-sku')}-batch",  # the one that `try` creates
            )
        )

    def _keep_silent(self, request: Request, context: grpc.ServicerContext) -> None:
        if not self._is_silent_at(request):
            return
        if context.add_callback(self._stopping.set):  # else the caller has gone already
            self._stopping.wait(SILENT_SECONDS_MAX)
        context.abort(grpc.StatusCode.UNAVAILABLE, "the stand-in ends")

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.stop(0).wait(_STOP_SECONDS)
