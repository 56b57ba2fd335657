"""Those who ask by RPC: for lines, for batches, for other quantities; again, and against what they said before."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs
from stock.allocation.v1.allocation_service_pb2 import AllocateRequest, ChangeBatchQuantityRequest, CreateBatchRequest

from tests.e2e.refusals import read_refusal
from tests.faults.ledger import AskedBatch, AskedLine, AskedQuantity, Rejected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from tests.faults.ledger import Asked, Ledger

SKUS = ("SMALL-TABLE", "MISBEGOTTEN-RUG", "INFLATABLE-SOFA", "UNLIKELY-LAMP")
UNKNOWN_SKU, UNKNOWN_BATCH = "UNHEARD-OF-CHAIR", "nobody-created-this"
CALL_SECONDS = 30.0
_CALLS_MAX = 50
_NEXT_TUESDAY = Timestamp(seconds=1_300_147_200)
_UNANSWERED = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}
_REJECTED = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ALREADY_EXISTS,
}
# A client's own patience before it connects again would be measured as the service's stall.
_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
]


class Callers:
    """Each method is one caller, who asks one thing after the other."""

    def __init__(
        self, address: str, ledger: Ledger, seed: int, call_seconds: float, tolerated: tuple[grpc.StatusCode, ...]
    ) -> None:
        self._address = address
        self._ledger = ledger
        self._seed = seed
        self._call_seconds = call_seconds
        self._unanswered = _UNANSWERED | set(tolerated)

    async def stock_up(self, batches_each: int) -> list[CreateBatchRequest]:
        """Create the first batches, and answer them."""
        batches = [AskedBatch(_batch(f"{sku.lower()}-{number}", sku, 25)) for sku in SKUS for number in range(batches_each)]
        async with self._stub() as stub:
            for asked in batches:
                self._ledger.batches.append(asked)
                await self._ask(asked, stub.CreateBatch, lambda answer: answer.batch)
        return [asked.request for asked in batches]

    async def ask_all(self, requests: Sequence[AllocateRequest]) -> None:
        """Ask for lines, one after the other; the same line is the same entry of the ledger."""
        lines: dict[str, AskedLine] = {}
        async with self._stub() as stub:
            for request in requests:
                line = lines.setdefault(request.order_id, AskedLine(request))
                if not line.calls:
                    self._ledger.lines.append(line)
                await self._ask(line, stub.Allocate, lambda answer: answer.line)

    async def allocate(self, name: str, orders: str, turns: AsyncIterator[int]) -> None:
        """Ask for lines: some again, some with another quantity than before, some that cannot be, some of placed orders."""
        chance = self._chance(name)
        last = AskedLine(AllocateRequest(order_id=f"{name}-first", sku=SKUS[0], quantity=1))
        async with self._stub() as stub:
            async for number in turns:
                line = AskedLine(
                    AllocateRequest(order_id=f"{name}-{number}", sku=chance.choice(SKUS), quantity=chance.randint(1, 5))
                )
                match chance.randint(1, 40):
                    case 1 | 2 | 3 if last.calls:
                        line = last
                    case 4 | 5:
                        line.request.CopyFrom(last.request)
                        line.request.quantity += 1
                    case 6:
                        line.request.sku = UNKNOWN_SKU
                    case 7:
                        line.request.quantity = 0
                    case 8 | 9:
                        line.request.order_id = f"{orders}-{number}"
                if line is not last:
                    self._ledger.lines.append(line)
                await self._ask(line, stub.Allocate, lambda answer: answer.line, patience=chance.choice((1, _CALLS_MAX)))
                last = line if line.request.sku in SKUS and line.request.quantity else last

    async def manage(self, name: str, stock: str, turns: AsyncIterator[int]) -> None:
        """Create batches and change what they hold; some again, some with other content, some that others create too."""
        chance = self._chance(name)
        created: list[AskedBatch] = []
        async with self._stub() as stub:
            async for number in turns:
                if number % 5 == 0 or not created:
                    asked = AskedBatch(
                        _batch(f"{name}-{number}", chance.choice(SKUS), chance.randint(1, 30), late=number % 2 > 0)
                    )
                    if number % 15 == 5:
                        asked.request.batch_reference = f"{stock}-{number}"
                    await self._create(stub, asked)
                    if asked.answers and asked.request.batch_reference.startswith(name):
                        created.append(asked)
                elif number % 10 == 1:
                    await self._create(stub, created[-1])
                elif number % 10 == 6:
                    other = _batch(created[-1].request.batch_reference, created[-1].request.sku, 31)
                    await self._create(stub, AskedBatch(other))
                else:
                    reference = UNKNOWN_BATCH if number % 20 == 7 else chance.choice(created).request.batch_reference
                    await self._change(stub, reference, chance.randint(0, 35), f"{name}/{number}")

    async def _create(self, stub: stubs.AllocationServiceAsyncStub, asked: AskedBatch) -> None:
        if not asked.calls:
            self._ledger.batches.append(asked)
        await self._ask(asked, stub.CreateBatch, lambda answer: answer.batch)

    async def _change(self, stub: stubs.AllocationServiceAsyncStub, reference: str, quantity: int, identity: str) -> None:
        request = ChangeBatchQuantityRequest(batch_reference=reference, quantity=quantity)
        asked = AskedQuantity(request, identity=identity)
        self._ledger.quantities.append(asked)
        await self._ask(asked, stub.ChangeBatchQuantity, lambda answer: answer, identified=asked.correlation_id)

    async def _ask(
        self,
        asked: Asked[Any, Any],
        rpc: Callable[..., Any],
        content: Callable[[Any], Any],
        *,
        patience: int = _CALLS_MAX,
        identified: Callable[[int], str] | None = None,
    ) -> None:
        """Ask until one more call was answered, `patience` times at most."""
        told, calls_max = asked.told, asked.calls + patience
        while asked.told == told and asked.calls < calls_max:
            asked.calls += 1
            metadata = (("x-correlation-id", identified(asked.calls)),) if identified else ()
            try:
                answer = await rpc(asked.request, wait_for_ready=True, timeout=self._call_seconds, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                if error.code() in _REJECTED:
                    asked.rejections.append(Rejected(error.code().name, read_refusal(error).reason))
                    self._ledger.callers.answered()
                elif error.code() in self._unanswered:
                    asked.fail(error.code().name, read_refusal(error).reason)
                else:
                    raise
            else:
                asked.answers.append(content(answer))
                self._ledger.callers.answered()

    @asynccontextmanager
    async def _stub(self) -> AsyncIterator[stubs.AllocationServiceAsyncStub]:
        async with grpc.aio.insecure_channel(self._address, options=_OPTIONS) as channel:
            with self._ledger.callers.asking():
                yield stubs.AllocationServiceStub(channel)

    def _chance(self, name: str) -> random.Random:
        return random.Random(f"{self._seed} {name}")  # noqa: S311 - varies the load, keeps no secret


def _batch(reference: str, sku: str, quantity: int, *, late: bool = False) -> CreateBatchRequest:
    return CreateBatchRequest(
        batch_reference=reference, sku=sku, purchased_quantity=quantity, eta=_NEXT_TUESDAY if late else None
    )
