"""What a careless or hostile caller can send: each gets its documented answer, changes nothing, and the next call is served."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from stock.allocation.v1 import allocation_service_pb2 as messages

from tests.e2e import wire
from tests.e2e.random_refs import random_batch_reference, random_order_id, random_sku
from tests.e2e.refusals import refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message
    from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub

    from tests.service_process import ServiceProcess

    RawCall = Callable[[str, bytes], Any]

ASKED: dict[str, Any] = {"order_id": "order", "line_id": "1", "sku": "SMALL-TABLE", "quantity": 1}
CREATED: dict[str, Any] = {"batch_reference": "batch", "sku": "SMALL-TABLE", "purchased_quantity": 1}
BAD_TEXTS = ["", "x" * 129, "x" * 300, "\n", "TAB\tLE", "\x00", "\x7f", "\x85"]


def requests() -> Iterator[tuple[str, Message, str]]:
    for bad in BAD_TEXTS:
        for name in ("order_id", "line_id", "sku"):
            if (name, bad) != ("line_id", ""):
                yield "Allocate", messages.AllocateRequest(**(ASKED | {name: bad})), name
        for name in ("batch_reference", "sku"):
            yield "CreateBatch", messages.CreateBatchRequest(**(CREATED | {name: bad})), name
        change = messages.ChangeBatchQuantityRequest(batch_reference=bad, quantity=1)
        yield "ChangeBatchQuantity", change, "batch_reference"
        yield "GetBatch", messages.GetBatchRequest(batch_reference=bad), "batch_reference"
        yield "ListBatches", messages.ListBatchesRequest(sku=bad), "sku"
        yield "ListLines", messages.ListLinesRequest(order_id=bad), "order_id"
    for quantity in (0, -1, -(2**31)):
        yield "Allocate", messages.AllocateRequest(**(ASKED | {"quantity": quantity})), "quantity"
        yield "CreateBatch", messages.CreateBatchRequest(**(CREATED | {"purchased_quantity": quantity})), "purchased_quantity"
    for quantity in (-1, -(2**31)):
        change = messages.ChangeBatchQuantityRequest(batch_reference="batch", quantity=quantity)
        yield "ChangeBatchQuantity", change, "quantity"
    yield "ChangeBatchQuantity", messages.ChangeBatchQuantityRequest(batch_reference="batch"), "quantity"
    yield "ListLines", messages.ListLinesRequest(order_id="order", page_token="x" * 1025), "page_token"
    for seconds in (253_402_300_800, -62_135_596_801):
        yield "CreateBatch", messages.CreateBatchRequest(**CREATED, eta={"seconds": seconds}), "eta"
    yield "CreateBatch", messages.CreateBatchRequest(**CREATED, eta={"nanos": -1}), "eta"


@pytest.fixture
def raw(service: ServiceProcess) -> Iterator[RawCall]:
    """Calls with bytes instead of messages."""
    with grpc.insecure_channel(service.grpc_address) as channel:

        def call(rpc: str, payload: bytes) -> Any:  # noqa: ANN401 - nothing decodes the answer
            method: Any = channel.unary_unary(f"/stock.allocation.v1.AllocationService/{rpc}")
            return method(payload, timeout=30)

        yield call


def assert_serves(stub: AllocationServiceStub) -> None:
    reference = random_batch_reference()
    request = messages.CreateBatchRequest(batch_reference=reference, sku=random_sku("GOOD-TABLE"), purchased_quantity=1)
    assert stub.CreateBatch(request).batch.batch_reference == reference


def test_a_field_that_breaks_a_constraint_is_named(stub: AllocationServiceStub) -> None:
    for rpc, request, field in requests():
        refusal = refusal_of(lambda rpc=rpc, request=request: getattr(stub, rpc)(request))  # type: ignore[misc] # mypy has no type for the default
        assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT, request
        assert refusal.reason == "REJECTION_REASON_MALFORMED", request
        assert list(refusal.violations) == [field], request
    assert_serves(stub)


@pytest.mark.parametrize(
    "text", ["x" * 128, "Ä" * 128, "\U0001f6cb" * 128, " ", "..", "a/b'; DROP TABLE batches; --", "\u2028"]
)
def test_any_text_up_to_the_limit_is_an_identifier(stub: AllocationServiceStub, text: str) -> None:
    sku = random_sku("")[:9] + text[9:] if len(text) > 9 else text
    request = messages.CreateBatchRequest(batch_reference=sku, sku=sku, purchased_quantity=1)
    assert stub.CreateBatch(request).batch.sku == sku
    assert [batch.batch_reference for batch in stub.ListBatches(messages.ListBatchesRequest(sku=sku)).batches] == [sku]


def test_the_largest_quantity_is_a_quantity(stub: AllocationServiceStub) -> None:
    sku, batch = random_sku(), random_batch_reference()
    stub.CreateBatch(messages.CreateBatchRequest(batch_reference=batch, sku=sku, purchased_quantity=2**31 - 1))
    line = stub.Allocate(messages.AllocateRequest(order_id=random_order_id(), sku=sku, quantity=2**31 - 1)).line
    assert (line.quantity, line.batch_reference) == (2**31 - 1, batch)
    change = messages.ChangeBatchQuantityRequest(batch_reference=batch, quantity=0)
    assert stub.ChangeBatchQuantity(change).backordered_lines == 1
    change.quantity = 2**31 - 1
    assert stub.ChangeBatchQuantity(change).batch.allocated_quantity == 2**31 - 1


@pytest.mark.parametrize("value", [2**31, 2**32, -1, -(2**63)])
def test_a_quantity_of_more_than_32_bits_is_refused_where_it_reads_as_none(
    stub: AllocationServiceStub, raw: RawCall, value: int
) -> None:
    payload = wire.text(1, random_batch_reference()) + wire.text(2, random_sku()) + wire.varint(3, value)
    refusal = refusal_of(lambda: raw("CreateBatch", payload))
    assert (refusal.code, list(refusal.violations)) == (grpc.StatusCode.INVALID_ARGUMENT, ["purchased_quantity"])
    assert_serves(stub)


def test_unknown_fields_are_ignored(stub: AllocationServiceStub, raw: RawCall) -> None:
    sku = random_sku()
    payload = wire.text(1, sku) + wire.text(2, sku) + wire.varint(3, 7) + wire.text(71_846, "from the future")
    raw("CreateBatch", payload)
    assert stub.GetBatch(messages.GetBatchRequest(batch_reference=sku)).batch.purchased_quantity == 7


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff\xff\xff",
        wire.text(1, b"\xff\xfe") + wire.text(2, "s") + wire.varint(3, 1),
        messages.CreateBatchRequest(**CREATED).SerializeToString()[:5],
    ],
    ids=["random bytes", "no UTF-8", "cut in the middle"],
)
def test_bytes_that_are_no_message_are_malformed(stub: AllocationServiceStub, raw: RawCall, payload: bytes) -> None:
    refusal = refusal_of(lambda: raw("CreateBatch", payload))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REJECTION_REASON_MALFORMED")
    assert "DecodeError" not in refusal.text
    assert_serves(stub)


def test_garbage_of_every_kind_stops_nothing(service: ServiceProcess, stub: AllocationServiceStub, raw: RawCall) -> None:
    chance = random.Random(2011)  # noqa: S311 - the same garbage every time
    whole = messages.AllocateRequest(**ASKED).SerializeToString()
    garbage = [chance.randbytes(chance.randrange(1, 100)) for _ in range(50)] + [whole[:length] for length in range(len(whole))]
    rpcs = ("CreateBatch", "Allocate", "ChangeBatchQuantity", "GetBatch", "ListBatches", "ListLines")
    for payload in garbage:
        rpc = chance.choice(rpcs[:3])
        refusal_of(lambda rpc=rpc, payload=payload: raw(rpc, payload))  # type: ignore[misc] # mypy has no type for the default
    assert refusal_of(lambda: raw("NoSuchRpc", b"")).code is grpc.StatusCode.UNIMPLEMENTED
    assert_serves(stub)
    assert service.serves()


def test_a_request_above_64_kib_is_refused_before_it_is_read(stub: AllocationServiceStub) -> None:
    request = messages.AllocateRequest(order_id="o" * (64 << 10), sku="s", quantity=1)
    refusal = refusal_of(lambda: stub.Allocate(request))
    assert (refusal.code, "65545 vs. 65536" in refusal.text) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True), refusal.text
    nearly = messages.AllocateRequest(order_id="o" * ((64 << 10) - 100), sku="s", quantity=1)
    assert list(refusal_of(lambda: stub.Allocate(nearly)).violations) == ["order_id"]
    assert_serves(stub)
