"""The RPCs as a caller meets them: what each answers, what a repeated one answers, and lists page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1 import batch_pb2, line_pb2

from tests.e2e.random_refs import random_batch_reference, random_order_id, random_sku

if TYPE_CHECKING:
    from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub

TOMORROW = Timestamp(seconds=4_000_000_000, nanos=250_000)


def create_batch(stub: AllocationServiceStub, sku: str, quantity: int, eta: Timestamp | None = None) -> batch_pb2.Batch:
    request = messages.CreateBatchRequest(
        batch_reference=random_batch_reference(), sku=sku, purchased_quantity=quantity, eta=eta
    )
    return stub.CreateBatch(request).batch


def allocate(stub: AllocationServiceStub, order_id: str, sku: str, quantity: int, line_id: str = "") -> line_pb2.LineStatus:
    request = messages.AllocateRequest(order_id=order_id, line_id=line_id, sku=sku, quantity=quantity)
    return stub.Allocate(request).line


def change_quantity(stub: AllocationServiceStub, batch_reference: str, quantity: int) -> messages.ChangeBatchQuantityResponse:
    return stub.ChangeBatchQuantity(messages.ChangeBatchQuantityRequest(batch_reference=batch_reference, quantity=quantity))


def get_batch(stub: AllocationServiceStub, batch_reference: str) -> batch_pb2.Batch:
    return stub.GetBatch(messages.GetBatchRequest(batch_reference=batch_reference)).batch


def test_a_created_batch_is_answered_and_can_be_got(stub: AllocationServiceStub) -> None:
    sku, reference = random_sku(), random_batch_reference()
    request = messages.CreateBatchRequest(batch_reference=reference, sku=sku, purchased_quantity=20, eta=TOMORROW)
    created = stub.CreateBatch(request).batch
    assert created == batch_pb2.Batch(batch_reference=reference, sku=sku, purchased_quantity=20, eta=TOMORROW)
    assert get_batch(stub, reference) == created


def test_a_batch_created_again_is_answered_as_it_stands_now(stub: AllocationServiceStub) -> None:
    sku, reference = random_sku(), random_batch_reference()
    request = messages.CreateBatchRequest(batch_reference=reference, sku=sku, purchased_quantity=20)
    stub.CreateBatch(request)
    allocate(stub, random_order_id(), sku, 2)
    change_quantity(stub, reference, 15)
    again = stub.CreateBatch(request).batch
    assert again == batch_pb2.Batch(batch_reference=reference, sku=sku, purchased_quantity=15, allocated_quantity=2)


def test_prefers_current_stock_batches_to_shipments(stub: AllocationServiceStub) -> None:
    sku, order_id = random_sku(), random_order_id()
    shipment, in_stock = create_batch(stub, sku, 100, TOMORROW), create_batch(stub, sku, 100)
    line = allocate(stub, order_id, sku, 10)
    assert line == line_pb2.LineStatus(
        order_id=order_id,
        line_id=sku,
        sku=sku,
        quantity=10,
        state="LINE_STATE_ALLOCATED",
        batch_reference=in_stock.batch_reference,
        sku_sequence=3,
    )
    assert get_batch(stub, in_stock.batch_reference).allocated_quantity == 10
    assert get_batch(stub, shipment.batch_reference).allocated_quantity == 0


def test_a_line_asked_for_again_is_answered_where_it_stands_now(stub: AllocationServiceStub) -> None:
    sku, order_id = random_sku(), random_order_id()
    small, large = create_batch(stub, sku, 10), create_batch(stub, sku, 10, TOMORROW)
    first = allocate(stub, order_id, sku, 10)
    assert allocate(stub, order_id, sku, 10) == first
    change_quantity(stub, small.batch_reference, 5)
    moved = allocate(stub, order_id, sku, 10)
    assert (moved.batch_reference, moved.eta) == (large.batch_reference, TOMORROW)
    assert moved.sku_sequence > first.sku_sequence


def test_out_of_stock_is_an_answer_and_not_remembered(stub: AllocationServiceStub) -> None:
    sku, order_id = random_sku("UNCOMFORTABLE-CHAIR"), random_order_id()
    create_batch(stub, sku, 1)
    assert allocate(stub, order_id, sku, 2).state == line_pb2.LINE_STATE_OUT_OF_STOCK
    assert not stub.ListLines(messages.ListLinesRequest(order_id=order_id)).lines
    create_batch(stub, sku, 2)
    assert allocate(stub, order_id, sku, 2).state == line_pb2.LINE_STATE_ALLOCATED


def test_a_smaller_quantity_counts_what_became_of_the_lines(stub: AllocationServiceStub) -> None:
    sku, order_id = random_sku(), random_order_id()
    batch = create_batch(stub, sku, 30)
    for line_id in ("1", "2", "3"):
        allocate(stub, order_id, sku, 10, line_id)
    create_batch(stub, sku, 10, TOMORROW)
    answer = change_quantity(stub, batch.batch_reference, 12)
    assert (answer.deallocated_lines, answer.reallocated_lines, answer.backordered_lines) == (2, 1, 1)
    assert answer.batch == batch_pb2.Batch(
        batch_reference=batch.batch_reference, sku=sku, purchased_quantity=12, allocated_quantity=10
    )
    states = [line.state for line in stub.ListLines(messages.ListLinesRequest(order_id=order_id)).lines]
    assert states == [line_pb2.LINE_STATE_ALLOCATED, line_pb2.LINE_STATE_ALLOCATED, line_pb2.LINE_STATE_BACKORDERED]


def test_zero_is_a_quantity_that_a_batch_can_have(stub: AllocationServiceStub) -> None:
    batch = create_batch(stub, random_sku(), 3)
    assert change_quantity(stub, batch.batch_reference, 0).batch.purchased_quantity == 0


@pytest.mark.parametrize("page_size", [1, 2, 3, 5, 6])
def test_batches_are_listed_by_reference_page_by_page(stub: AllocationServiceStub, page_size: int) -> None:
    sku = random_sku()
    references = sorted(create_batch(stub, sku, 1).batch_reference for _ in range(5))
    found, sizes, token = [], [], ""
    while True:
        page = stub.ListBatches(messages.ListBatchesRequest(sku=sku, page_size=page_size, page_token=token))
        found += [batch.batch_reference for batch in page.batches]
        sizes.append(len(page.batches))
        token = page.next_page_token
        if not token:
            break
    assert found == references
    assert set(sizes[:-1]) <= {page_size}
    assert 0 < sizes[-1] <= page_size


@pytest.mark.parametrize("page_size", [1, 2, 4])
def test_lines_are_listed_by_line_id_page_by_page(stub: AllocationServiceStub, page_size: int) -> None:
    sku, order_id = random_sku(), random_order_id()
    create_batch(stub, sku, 10)
    for line_id in ("zweite", "10", "9", "Ärmel", "a b"):
        allocate(stub, order_id, sku, 1, line_id)
    found, token = [], ""
    while True:
        request = messages.ListLinesRequest(order_id=order_id, page_size=page_size, page_token=token)
        page = stub.ListLines(request)
        found += [line.line_id for line in page.lines]
        assert len(page.lines) <= page_size
        token = page.next_page_token
        if not token:
            break
    assert found == ["10", "9", "a b", "zweite", "Ärmel"]


def test_a_page_without_a_size_has_a_hundred_items(stub: AllocationServiceStub) -> None:
    sku = random_sku()
    for _ in range(101):
        create_batch(stub, sku, 1)
    page = stub.ListBatches(messages.ListBatchesRequest(sku=sku))
    assert len(page.batches) == 100
    rest = stub.ListBatches(messages.ListBatchesRequest(sku=sku, page_token=page.next_page_token))
    assert (len(rest.batches), rest.next_page_token) == (1, "")


def test_unknown_skus_and_orders_have_empty_lists(stub: AllocationServiceStub) -> None:
    assert stub.ListBatches(messages.ListBatchesRequest(sku=random_sku())) == messages.ListBatchesResponse()
    assert stub.ListLines(messages.ListLinesRequest(order_id=random_order_id())) == messages.ListLinesResponse()
