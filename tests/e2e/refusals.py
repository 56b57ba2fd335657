"""How a caller reads an error: its code, and the google.rpc details that come with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from google.rpc import error_details_pb2, status_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.protobuf.message import Message

_DETAILS_KEY = "grpc-status-details-bin"


@dataclass(frozen=True)
class Refusal:
    """An error with its details; `violations` are descriptions by field. Without details they are empty."""

    code: grpc.StatusCode
    text: str
    reason: str = ""
    domain: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    violations: Mapping[str, str] = field(default_factory=dict)


def refusal_of(call: Callable[[], Message]) -> Refusal:
    """Make a call that is expected to fail, and read its error.

    Raises:
        AssertionError: it did not fail.

    """
    try:
        answer = call()
    except grpc.RpcError as error:
        return read_refusal(error)
    raise AssertionError(f"no error but an answer: {answer}")


def read_refusal(error: grpc.RpcError) -> Refusal:
    """Read an error with its details."""
    code, text = error.code(), error.details() or ""
    trailing: dict[str, Any] = dict(error.trailing_metadata() or ())  # type: ignore[arg-type] # its pairs are typed as a class
    if _DETAILS_KEY not in trailing:
        return Refusal(code, text)
    status = status_pb2.Status.FromString(trailing[_DETAILS_KEY])
    assert (status.code, status.message) == (code.value[0], text), "the details say something else than the status"
    information, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        assert detail.Unpack(information) or detail.Unpack(bad_request), f"a detail of another kind: {detail}"
    violations = {violation.field: violation.description for violation in bad_request.field_violations}
    return Refusal(code, text, information.reason, information.domain, dict(information.metadata), violations)
