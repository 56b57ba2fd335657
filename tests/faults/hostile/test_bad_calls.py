"""Random and damaged requests, and calls that their callers give up: each has a documented answer, none an inexplicable one."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

import grpc
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs

from tests.e2e.refusals import read_refusal
from tests.faults.evidence import read_database
from tests.faults.hostile.garbage import garbage, golden_messages
from tests.faults.load import SEED

if TYPE_CHECKING:
    from tests.service_process import ServiceProcess

PAYLOADS = 100
REQUESTS: dict[str, Any] = {
    "CreateBatch": messages.CreateBatchRequest,
    "Allocate": messages.AllocateRequest,
    "ChangeBatchQuantity": messages.ChangeBatchQuantityRequest,
    "GetBatch": messages.GetBatchRequest,
    "ListBatches": messages.ListBatchesRequest,
    "ListLines": messages.ListLinesRequest,
}
DOCUMENTED = {
    (grpc.StatusCode.INVALID_ARGUMENT, "REJECTION_REASON_MALFORMED"),
    (grpc.StatusCode.NOT_FOUND, "REJECTION_REASON_UNKNOWN_BATCH"),
    (grpc.StatusCode.FAILED_PRECONDITION, "REJECTION_REASON_UNKNOWN_SKU"),
    (grpc.StatusCode.ALREADY_EXISTS, "REJECTION_REASON_BATCH_CONFLICT"),
    (grpc.StatusCode.ALREADY_EXISTS, "REJECTION_REASON_LINE_CONFLICT"),
}
OPERATORS_METHODS = ("/grpc.health.v1.Health/Check", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")


async def test_garbage_in_a_request_has_a_documented_answer(service: ServiceProcess) -> None:
    print(f"again with FAULTS_SEED={SEED}")  # noqa: T201 - shown when the test fails
    golden = golden_messages()
    refusals: Counter[tuple[grpc.StatusCode, str]] = Counter()
    async with grpc.aio.insecure_channel(service.grpc_address) as channel:
        for rpc, request in REQUESTS.items():
            chance = random.Random(f"{SEED} {rpc}")  # noqa: S311 - varies the garbage, keeps no secret
            method: Any = channel.unary_unary(f"/stock.allocation.v1.AllocationService/{rpc}")
            for payload in islice(garbage(chance, golden[request.DESCRIPTOR.full_name]), PAYLOADS):
                try:
                    await method(payload, timeout=30)
                except grpc.aio.AioRpcError as error:
                    refusal = read_refusal(error)
                    refusals[refusal.code, refusal.reason] += 1
                    assert bool(refusal.violations) is (refusal.code is grpc.StatusCode.INVALID_ARGUMENT)
    assert set(refusals) <= DOCUMENTED
    assert refusals[grpc.StatusCode.INVALID_ARGUMENT, "REJECTION_REASON_MALFORMED"] > PAYLOADS


async def test_garbage_for_health_and_reflection_is_refused_and_they_go_on(service: ServiceProcess) -> None:
    async with grpc.aio.insecure_channel(service.grpc_address) as channel:
        for path in OPERATORS_METHODS:
            method: Any = channel.unary_unary(path)
            for payload in (b"\xff" * 100, b"\x0a\x7f", b"\x0a\x02\xff\xfe"):
                try:
                    await asyncio.wait_for(method(payload, timeout=10), 20)
                except grpc.aio.AioRpcError as error:
                    assert error.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)  # noqa: PT017 - it may also be answered
    assert service.serves()


async def test_calls_given_up_at_any_moment_are_done_or_not_and_never_half(service: ServiceProcess) -> None:
    chance = random.Random(f"{SEED} giving up")  # noqa: S311 - varies the moments, keeps no secret
    async with grpc.aio.insecure_channel(service.grpc_address) as channel:
        stub = stubs.AllocationServiceStub(channel)
        batch = messages.CreateBatchRequest(batch_reference="given-up", sku="GIVEN-UP", purchased_quantity=10_000)
        await stub.CreateBatch(batch)

        async def call(number: int) -> bool:
            line = messages.AllocateRequest(order_id=f"given-up-{number}", sku="GIVEN-UP", quantity=1)
            calling = asyncio.ensure_future(_answer(stub, line))
            await asyncio.wait({calling}, timeout=chance.random() * 0.05)
            calling.cancel()
            await asyncio.wait({calling})
            return not calling.cancelled()

        answered = await asyncio.gather(*(call(number) for number in range(500)))
    rows = read_database(service.database, ("order_lines", "batches"))
    lines = {row["order_id"] for row in rows["order_lines"] if row["sku"] == "GIVEN-UP"}
    (kept,) = (row["allocated_quantity"] for row in rows["batches"] if row["reference"] == "given-up")
    assert {f"given-up-{number}" for number, was in enumerate(answered) if was} <= lines
    assert len(lines) == kept
    assert service.serves()


async def _answer(stub: stubs.AllocationServiceAsyncStub, line: messages.AllocateRequest) -> messages.AllocateResponse:
    return await stub.Allocate(line, timeout=30)
