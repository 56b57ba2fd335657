"""Makes every event that the service publishes happen, to skus and with ids that are awkward to carry in headers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub
from stock.allocation.v1.inbound_events_pb2 import OrderPlaced, OrderPlacedLine

if TYPE_CHECKING:
    from nats.aio.client import Client
    from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceAsyncStub

_CALL_SECONDS = 10.0
_SKU_CHARACTERS_MAX = 128
_CORRELATION_KEY = "x-correlation-id"
# What the NATS binding leaves as it is: printable ASCII without the double quote and the percent sign.
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


@dataclass(frozen=True)
class Expected:
    """An event that has to be announced, and what its envelope has to carry; None where that is the service's choice."""

    type: str
    sku: str
    correlation_id: str
    causation_id: str | None = None


def awkward_skus() -> list[str]:
    """Answer skus that no earlier run has used."""
    suffix = uuid.uuid4().hex[:8]
    return [
        f"KLEINER TISCH {suffix}",
        f"50% off {suffix} %",
        f"encoded%20twice%2525 {suffix}",
        f"%C3%28 {suffix}",  # would be no UTF-8 if it were decoded once too often
        f'a 12" table {suffix}',
        f'"quoted {suffix}"',
        f"'single {suffix}'",
        f'back\\slash \\" {suffix} \\',
        f"a+b&c=d;e,f/g?h#{suffix}",
        f"ce-subject: {suffix}",
        f"<!-- {suffix} --> {{}} $HOME `id`",
        f" spaces around  {suffix} ",
        f"Größe Łódź naïve {suffix}",
        f"e\u0301 decomposed {suffix}",
        f"桌子 стол طاولة {suffix}",
        f"\u00a0no-break {suffix}\u3000",
        f"🪑\u200d🎄 {suffix}",
        suffix + "🪑" * (_SKU_CHARACTERS_MAX - len(suffix)),
    ]


async def tell(grpc_address: str, broker: Client, sku: str) -> list[Expected]:
    """Have every kind of event happen to one sku, once at least, and answer what has to be announced."""
    key = uuid.uuid4().hex[:8]
    batch, order = f"batch {key}", f"order {key}"
    # Metadata is ASCII; by NATS a correlation may be any text.
    ordering, counting, shopping = f'desk "{key}" 100% %20', f"stocktaking + {key}", f"Bestellung „{key}“ 100 % größer"
    identity = f"№ {key} %20 🛒"
    async with grpc.aio.insecure_channel(grpc_address) as channel:
        stub: AllocationServiceAsyncStub = AllocationServiceStub(channel)
        await stub.CreateBatch(
            messages.CreateBatchRequest(batch_reference=batch, sku=sku, purchased_quantity=10, eta=Timestamp(seconds=1)),
            metadata=((_CORRELATION_KEY, ordering),),
            timeout=_CALL_SECONDS,
        )
        for order_id, quantity in ((order, 10), (f"late {key}", 1)):
            await stub.Allocate(
                messages.AllocateRequest(order_id=order_id, sku=sku, quantity=quantity),
                metadata=((_CORRELATION_KEY, ordering),),
                timeout=_CALL_SECONDS,
            )
        await stub.ChangeBatchQuantity(
            messages.ChangeBatchQuantityRequest(batch_reference=batch, quantity=5),
            metadata=((_CORRELATION_KEY, counting),),
            timeout=_CALL_SECONDS,
        )
    conflicting = OrderPlaced(order_id=order, lines=[OrderPlacedLine(sku=sku, quantity=9)])
    attributes = {"id": identity, "source": f"/shop/größe 100% {key}", "correlationid": shopping}
    headers = {f"ce-{name}": quote(text, safe=_PLAIN) for name, text in attributes.items()}
    await broker.jetstream().publish("order.placed", conflicting.SerializeToString(), headers=headers)
    return [
        *(Expected(name, sku, ordering) for name in ("StockChanged", "Allocated", "OutOfStock")),
        *(Expected(name, sku, counting) for name in ("Deallocated", "StockChanged", "Backordered")),
        Expected("Rejected", sku, shopping, identity),
    ]
