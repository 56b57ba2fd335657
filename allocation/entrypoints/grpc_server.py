"""The gRPC door: translates requests in and answers out, one short method an RPC. What is decided, is decided further in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs

from allocation.contract import inward, outward
from allocation.contract.cloudevents import valid_traceparent
from allocation.contract.validation import check, is_identifier_text
from allocation.entrypoints.grpc_errors import answered
from allocation.service_layer import views
from allocation.service_layer.envelope import Envelope

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from allocation.domain.commands import Command
    from allocation.service_layer.group_commit import GroupCommit
    from allocation.service_layer.views import Reader

    Context = grpc.aio.ServicerContext[Any, Any]

CORRELATION_KEY = "x-correlation-id"


class AllocationService(stubs.AllocationServiceServicer):
    """Implements `stock.allocation.v1.AllocationService`."""

    def __init__(self, group_commit: GroupCommit, reader: Reader, new_id: Callable[[], str]) -> None:
        self._group_commit = group_commit
        self._reader = reader
        self._new_id = new_id

    @answered
    async def CreateBatch(  # noqa: N802 - the contract names it
        self, request: messages.CreateBatchRequest, context: Context
    ) -> messages.CreateBatchResponse:
        """Create a batch."""
        batch = await self._group_commit.submit(self._envelope(inward.create_batch(request), context))
        return messages.CreateBatchResponse(batch=outward.batch(batch))

    @answered
    async def Allocate(  # noqa: N802 - the contract names it
        self, request: messages.AllocateRequest, context: Context
    ) -> messages.AllocateResponse:
        """Promise a line."""
        status = await self._group_commit.submit(self._envelope(inward.allocate(request), context))
        return messages.AllocateResponse(line=outward.line_status(status))

    @answered
    async def ChangeBatchQuantity(  # noqa: N802 - the contract names it
        self, request: messages.ChangeBatchQuantityRequest, context: Context
    ) -> messages.ChangeBatchQuantityResponse:
        """Set what a batch holds."""
        envelope = self._envelope(inward.change_batch_quantity(request), context)
        return outward.quantity_changed(await self._group_commit.submit(envelope), envelope.correlation_id)

    @answered
    async def GetBatch(  # noqa: N802 - the contract names it
        self, request: messages.GetBatchRequest, _context: Context
    ) -> messages.GetBatchResponse:
        """Answer one batch."""
        check(request)
        return messages.GetBatchResponse(batch=outward.batch(await views.batch(self._reader, request.batch_reference)))

    @answered
    async def ListBatches(  # noqa: N802 - the contract names it
        self, request: messages.ListBatchesRequest, _context: Context
    ) -> messages.ListBatchesResponse:
        """List the batches of a sku."""
        check(request)
        page = await views.batches(self._reader, request.sku, request.page_size, request.page_token)
        return messages.ListBatchesResponse(
            batches=[outward.batch(batch) for batch in page.items], next_page_token=page.next_page_token
        )

    @answered
    async def ListLines(  # noqa: N802 - the contract names it
        self, request: messages.ListLinesRequest, _context: Context
    ) -> messages.ListLinesResponse:
        """List the kept lines of an order."""
        check(request)
        page = await views.lines(self._reader, request.order_id, request.page_size, request.page_token)
        return messages.ListLinesResponse(
            lines=[outward.line_status(status) for status in page.items], next_page_token=page.next_page_token
        )

    def _envelope(self, command: Command, context: Context) -> Envelope:
        metadata = dict(context.invocation_metadata() or ())
        causation_id = self._new_id()
        given = str(metadata.get(CORRELATION_KEY, ""))
        correlation_id = given if given and is_identifier_text(given) else causation_id
        traceparent = metadata.get("traceparent")
        return Envelope(command, correlation_id, causation_id, valid_traceparent(str(traceparent) if traceparent else None))
