"""Every error that a caller can provoke: its code, its reason for machines, and what it names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from stock.allocation.v1 import allocation_service_pb2 as messages

from tests.e2e.random_refs import random_batch_reference, random_order_id, random_sku
from tests.e2e.refusals import Refusal, refusal_of

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub

DOMAIN = "stock.allocation.v1"


def test_an_unknown_batch_is_not_found(stub: AllocationServiceStub) -> None:
    reference = random_batch_reference()
    expected = Refusal(
        grpc.StatusCode.NOT_FOUND,
        f"no batch has the reference {reference!r}",
        "REJECTION_REASON_UNKNOWN_BATCH",
        DOMAIN,
        {"batch_reference": reference},
    )
    get = messages.GetBatchRequest(batch_reference=reference)
    change = messages.ChangeBatchQuantityRequest(batch_reference=reference, quantity=1)
    assert refusal_of(lambda: stub.GetBatch(get)) == expected
    assert refusal_of(lambda: stub.ChangeBatchQuantity(change)) == expected


def test_an_unknown_sku_is_a_failed_precondition(stub: AllocationServiceStub) -> None:
    sku = random_sku("NONEXISTENTSKU")
    request = messages.AllocateRequest(order_id=random_order_id(), sku=sku, quantity=1)
    assert refusal_of(lambda: stub.Allocate(request)) == Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        f"no batch of sku {sku!r} was ever created",
        "REJECTION_REASON_UNKNOWN_SKU",
        DOMAIN,
        {"sku": sku},
    )


@pytest.mark.parametrize(
    "other",
    [{"purchased_quantity": 11}, {"eta": Timestamp(seconds=1)}, {"sku": "ANOTHER-TABLE"}],
    ids=["quantity", "eta", "sku"],
)
def test_a_batch_created_again_with_other_content_exists_already(stub: AllocationServiceStub, other: dict[str, Any]) -> None:
    reference = random_batch_reference()
    content: dict[str, Any] = {"sku": random_sku(), "purchased_quantity": 10}
    stub.CreateBatch(messages.CreateBatchRequest(batch_reference=reference, **content))
    refusal = refusal_of(lambda: stub.CreateBatch(messages.CreateBatchRequest(batch_reference=reference, **(content | other))))
    assert (refusal.code, refusal.reason, refusal.domain) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "REJECTION_REASON_BATCH_CONFLICT",
        DOMAIN,
    )
    assert refusal.values == {"batch_reference": reference, "created_quantity": "10"}
    assert stub.GetBatch(messages.GetBatchRequest(batch_reference=reference)).batch.purchased_quantity == 10


def test_a_line_asked_for_with_other_content_exists_already(stub: AllocationServiceStub) -> None:
    order_id, sku, other_sku = random_order_id(), random_sku(), random_sku("RED-CHAIR")
    for each in (sku, other_sku):
        stub.CreateBatch(messages.CreateBatchRequest(batch_reference=random_batch_reference(), sku=each, purchased_quantity=10))
    asked: dict[str, Any] = {"order_id": order_id, "line_id": "1", "sku": sku, "quantity": 2}
    stub.Allocate(messages.AllocateRequest(**asked))
    for other in ({"quantity": 3}, {"sku": other_sku}):
        refusal = refusal_of(lambda other=other: stub.Allocate(messages.AllocateRequest(**(asked | other))))  # type: ignore[misc] # mypy has no type for the default
        assert (refusal.code, refusal.reason, refusal.domain) == (
            grpc.StatusCode.ALREADY_EXISTS,
            "REJECTION_REASON_LINE_CONFLICT",
            DOMAIN,
        )
        assert refusal.values == {"order_id": order_id, "line_id": "1", "quantity": "2"}


def test_a_malformed_request_names_every_bad_field(stub: AllocationServiceStub) -> None:
    request = messages.AllocateRequest(order_id="", line_id="x" * 129, sku="TAB\tLE", quantity=0)
    refusal = refusal_of(lambda: stub.Allocate(request))
    assert (refusal.code, refusal.reason, refusal.domain) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "REJECTION_REASON_MALFORMED",
        DOMAIN,
    )
    assert set(refusal.violations) == {"order_id", "line_id", "sku", "quantity"}
    assert refusal.violations["sku"] == "must have no control characters, is 'TAB\\tLE'"
    assert refusal.violations["line_id"].endswith("… (129 characters)")


@pytest.mark.parametrize(
    "request_message",
    [
        messages.ListBatchesRequest(sku="SMALL-TABLE", page_token="%%%"),  # noqa: S106 - a page token is no password
        messages.ListBatchesRequest(sku="SMALL-TABLE", page_token="abc"),  # noqa: S106 - a page token is no password
        messages.ListLinesRequest(order_id="order", page_token="/w=="),  # noqa: S106 - a page token is no password
        messages.ListLinesRequest(order_id="order", page_token="ü"),  # noqa: S106 - a page token is no password
    ],
)
def test_a_page_token_that_was_never_handed_out_is_malformed(stub: AllocationServiceStub, request_message: Message) -> None:
    is_batches = isinstance(request_message, messages.ListBatchesRequest)
    rpc: Any = stub.ListBatches if is_batches else stub.ListLines
    refusal = refusal_of(lambda: rpc(request_message))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REJECTION_REASON_MALFORMED")
    assert list(refusal.violations) == ["page_token"]


@pytest.mark.parametrize("page_size", [-1, 1001])
def test_a_page_size_out_of_range_is_malformed(stub: AllocationServiceStub, page_size: int) -> None:
    refusal = refusal_of(lambda: stub.ListLines(messages.ListLinesRequest(order_id="order", page_size=page_size)))
    assert (refusal.code, list(refusal.violations)) == (grpc.StatusCode.INVALID_ARGUMENT, ["page_size"])


@pytest.mark.parametrize("character", ["x", "é", "\U0001f6cb", "\U000f0000"], ids=["ascii", "accent", "sofa", "private use"])
def test_a_conflict_of_the_longest_names_still_reaches_its_caller(stub: AllocationServiceStub, character: str) -> None:
    order_id, sku = (random_order_id("").ljust(128, character), random_sku("").ljust(128, character))
    line_id = character * 128
    stub.CreateBatch(messages.CreateBatchRequest(batch_reference=random_batch_reference(), sku=sku, purchased_quantity=10))
    stub.Allocate(messages.AllocateRequest(order_id=order_id, line_id=line_id, sku=sku, quantity=1))
    conflicting = messages.AllocateRequest(order_id=order_id, line_id=line_id, sku=character * 128, quantity=1)
    # Clients refuse answers whose metadata exceed 8 kB: some at once, between 8 and 16 kB by chance.
    codes = {refusal_of(lambda: stub.Allocate(conflicting)).code for _ in range(20)}
    assert codes == {grpc.StatusCode.ALREADY_EXISTS}
