"""Who asks in a history: callers by RPC, publishers of stock and of orders. They conflict, repeat, err and come early."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from stock.allocation.v1.allocation_service_pb2 import AllocateRequest, ChangeBatchQuantityRequest, CreateBatchRequest

from tests.faults.ledger import AskedBatch, AskedLine, AskedQuantity, Rejected
from tests.faults.simulation.door import CallFailedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.ledger import Asked
    from tests.faults.simulation.world import World

UNKNOWN_SKU = "UNHEARD-OF-CHAIR"
_REJECTED = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ALREADY_EXISTS,
}
_RETRY_SECONDS = 0.5
_PERSISTENT = 1_000
_MOMENT_SECONDS = 0.2
_LATER = Timestamp(seconds=1_300_147_200)
_WHOLE_CHANGE_PROMISES = 100


class Caller:
    """One caller, who asks one thing after the other; `orders` and `shelves` are names that others use too."""

    def __init__(self, world: World, name: str) -> None:
        self._world, self._name = world, name
        self._random = world.chance.random
        self._own: list[AskedBatch] = []

    async def stock_up(self) -> None:
        """Create the first batch of every sku, however long that takes: nobody may be told that a sku is unknown later."""
        for sku in self._world.plan.skus:
            await self._create(f"first-{sku}", sku, self._random.randint(3, self._world.plan.stock_max), persistent=True)

    async def run(self) -> None:
        """Ask."""
        plan, random = self._world.plan, self._random
        changes = plan.limits.promises_per_transaction_max >= _WHOLE_CHANGE_PROMISES and not plan.two_writers
        for number in range(plan.calls_each):
            await asyncio.sleep(random.expovariate(1 / plan.pause_seconds))
            sku = random.choice(plan.skus)
            if random.random() < plan.contested:
                moment = int(asyncio.get_running_loop().time() / _MOMENT_SECONDS)
                await self._allocate(f"contested-{moment}", plan.skus[0], random.choice((1, 2)))
                continue
            match random.randint(1, 12):
                case 1:
                    await self._create(f"shelf-{random.randint(1, 3)}-{sku}", sku, random.choice((5, 6)))
                case 2:
                    await self._create(f"{self._name}-{number}", sku, random.randint(1, 12), later=random.random() < 1 / 2)
                case 3 | 4 if changes:
                    await self._change(number, sku)
                case 5:
                    await self._allocate(f"{self._name}-{number}", UNKNOWN_SKU, 1)
                case 6:
                    await self._allocate(f"{self._name}-{number}", sku, 0)
                case 7 | 8 | 9:
                    await self._allocate(f"order-{random.randint(1, 4)}", sku, random.choice((1, 2)))
                case _:
                    await self._allocate(f"{self._name}-{number}", sku, random.randint(1, 6))

    async def _allocate(self, order_id: str, sku: str, quantity: int) -> None:
        asked = AskedLine(AllocateRequest(order_id=order_id, sku=sku, quantity=quantity))
        self._world.ledger.lines.append(asked)
        await self._ask(asked, "Allocate", sku, lambda answer: answer.line)
        if self._random.random() < 1 / 4:
            await self._ask(asked, "Allocate", sku, lambda answer: answer.line)

    async def _create(self, reference: str, sku: str, quantity: int, *, later: bool = False, persistent: bool = False) -> None:
        request = CreateBatchRequest(
            batch_reference=reference, sku=sku, purchased_quantity=quantity, eta=_LATER if later else None
        )
        asked = AskedBatch(request)
        self._world.ledger.batches.append(asked)
        await self._ask(asked, "CreateBatch", sku, lambda answer: answer.batch, persistent=persistent)
        if asked.answers and reference.startswith(self._name):
            self._own.append(asked)

    async def _change(self, number: int, sku: str) -> None:
        """Change a batch that nobody else changes or creates."""
        if not self._own:
            await self._create(f"{self._name}-{number}", sku, self._random.randint(1, 12))
            return
        batch = self._random.choice(self._own).request
        request = ChangeBatchQuantityRequest(batch_reference=batch.batch_reference, quantity=self._random.randint(0, 14))
        asked = AskedQuantity(request, identity=f"{self._name}/{number}")
        self._world.ledger.quantities.append(asked)
        await self._ask(asked, "ChangeBatchQuantity", batch.sku, lambda answer: answer, identified=asked.correlation_id)

    async def _ask(  # noqa: PLR0913 - what is asked, how, and how the ledger keeps the answer
        self,
        asked: Asked[Any, Any],
        rpc: str,
        sku: str,
        content: Callable[[Any], Any],
        *,
        persistent: bool = False,
        identified: Callable[[int], str] | None = None,
    ) -> None:
        """Ask until it was answered, or patience ends."""
        world = self._world
        told, patience = asked.told, _PERSISTENT if persistent else self._random.randint(1, world.plan.patience_max)
        for _ in range(patience):
            asked.calls += 1
            correlation_id = identified(asked.calls) if identified else ""
            try:
                answer = await world.network.call(
                    lambda: world.serving(sku), rpc, asked.request, world.plan.call_seconds, correlation_id
                )
            except CallFailedError as failure:
                if failure.code in _REJECTED:
                    asked.rejections.append(Rejected(failure.code.name, failure.reason))
                else:
                    asked.fail(failure.code.name, failure.reason)
            else:
                asked.answers.append(content(answer))
            if asked.told > told:
                world.trace.add("told", self._name, rpc, asked.told)
                return
            await asyncio.sleep(self._random.random() * _RETRY_SECONDS)
