"""The one table from what went wrong to a gRPC status with google.rpc details; what is not in it is INTERNAL, told briefly."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import grpc
import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2
from stock.allocation.v1 import errors_pb2

from allocation.contract.validation import MalformedError
from allocation.domain.errors import BatchConflict, LineConflict, UnknownBatch, UnknownSku
from allocation.service_layer.errors import QueueFullError, ShuttingDownError
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError
from allocation.service_layer.views import PageTokenError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from google.protobuf.message import Message

    Context = grpc.aio.ServicerContext[Any, Any]

log = structlog.get_logger()
Request = TypeVar("Request", bound="Message")
Answer = TypeVar("Answer", bound="Message")
ERROR_DOMAIN = "stock.allocation.v1"
_TEXT_BYTES_MAX = 1_000
_DETAILS_KEY = "grpc-status-details-bin"

_Code, _Reason = grpc.StatusCode, errors_pb2.RejectionReason
_TABLE: dict[type[Exception], tuple[grpc.StatusCode, int]] = {
    MalformedError: (_Code.INVALID_ARGUMENT, _Reason.REJECTION_REASON_MALFORMED),
    PageTokenError: (_Code.INVALID_ARGUMENT, _Reason.REJECTION_REASON_MALFORMED),
    UnknownBatch: (_Code.NOT_FOUND, _Reason.REJECTION_REASON_UNKNOWN_BATCH),
    UnknownSku: (_Code.FAILED_PRECONDITION, _Reason.REJECTION_REASON_UNKNOWN_SKU),
    BatchConflict: (_Code.ALREADY_EXISTS, _Reason.REJECTION_REASON_BATCH_CONFLICT),
    LineConflict: (_Code.ALREADY_EXISTS, _Reason.REJECTION_REASON_LINE_CONFLICT),
    QueueFullError: (_Code.RESOURCE_EXHAUSTED, _Reason.REJECTION_REASON_QUEUE_FULL),
    ShuttingDownError: (_Code.UNAVAILABLE, _Reason.REJECTION_REASON_SHUTTING_DOWN),
    StoreUnavailableError: (_Code.UNAVAILABLE, _Reason.REJECTION_REASON_STORE_UNAVAILABLE),
    OutcomeUnknownError: (_Code.UNAVAILABLE, _Reason.REJECTION_REASON_OUTCOME_UNKNOWN),
}
EXPECTED = tuple(_TABLE)
_TOLD_IN_OUR_WORDS: dict[type[Exception], str] = {
    PageTokenError: "page_token: must be empty or the next_page_token of an earlier answer",
    StoreUnavailableError: "the store cannot be reached; nothing was done",
    OutcomeUnknownError: "the store did not say whether it committed; ask again",
}


def answered(rpc: Callable[[Any, Request, Context], Awaitable[Answer]]) -> Callable[[Any, Request, Context], Awaitable[Answer]]:
    """Turn what an RPC raises into its status; a bug is logged whole and told briefly."""

    @functools.wraps(rpc)
    async def call(self: Any, request: Request, context: Context) -> Answer:  # noqa: ANN401 - whichever service has the RPC
        try:
            return await rpc(self, request, context)
        except grpc.aio.AbortError:
            raise  # The RPC has given its status itself.
        except EXPECTED as error:
            await abort(context, error)
        except Exception:
            log.exception("rpc crashed", rpc=rpc.__name__)
            await context.abort(grpc.StatusCode.INTERNAL, "internal error")

    return call


async def abort(context: Context, error: Exception) -> NoReturn:
    """End a call with the status of an error that is in the table."""
    code, text, trailers = status_of(error)
    # Not abort_with_status: tracing interceptors take its exception for success.
    await context.abort(code, text, trailing_metadata=trailers)


def status_of(error: Exception) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
    """Answer code, text and trailing metadata of an error that is in the table."""
    code, reason = _TABLE[type(error)]
    text = _cut(_TOLD_IN_OUR_WORDS.get(type(error), str(error)))
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=_Reason.Name(reason), domain=ERROR_DOMAIN, metadata=_values(error))
    ]
    if code is _Code.INVALID_ARGUMENT:
        details.append(_bad_request(error, text))
    status = status_pb2.Status(code=code.value[0], message=text)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return code, text, ((_DETAILS_KEY, status.SerializeToString()),)


def _cut(text: str) -> str:
    """Keep a text short enough for a client: percent-encoded and with its details it must stay below 8 kB of metadata."""
    raw = text.encode()
    return text if len(raw) <= _TEXT_BYTES_MAX else raw[:_TEXT_BYTES_MAX].decode(errors="ignore") + "…"


def _values(error: Exception) -> dict[str, str]:
    match error:
        case UnknownBatch():
            return {"batch_reference": error.batch_reference}
        case UnknownSku():
            return {"sku": error.sku}
        case BatchConflict():
            return {"batch_reference": error.batch.reference, "created_quantity": str(error.batch.created_quantity)}
        case LineConflict():
            return {"order_id": error.kept.order_id, "line_id": error.kept.line_id, "quantity": str(error.kept.quantity)}
        case QueueFullError():
            return {"waiting_commands_max": str(error.waiting_max)}
        case _:
            return {}


def _bad_request(error: Exception, text: str) -> error_details_pb2.BadRequest:
    if not isinstance(error, MalformedError):
        field, _, description = text.partition(": ")
        violations = [(field, description)]
    else:
        violations = [(violation.field, violation.description) for violation in error.violations]
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field=field, description=description)
            for field, description in violations
        ]
    )
