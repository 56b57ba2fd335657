"""Compares what the programs found out, each by itself, with one another and with the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PAGE = 1000
CALL_SECONDS = 5.0


def units_promised(target: str, skus: Iterable[str]) -> int:
    """Ask the service for all batches of the skus, and sum what they have promised."""
    with grpc.insecure_channel(target) as channel:
        stub = stubs.AllocationServiceStub(channel)
        return sum(batch.allocated_quantity for sku in skus for batch in _batches(stub, sku))


def unknown_orders(target: str, order_ids: Iterable[str]) -> list[str]:
    """List the orders of which the service keeps no line."""
    with grpc.insecure_channel(target) as channel:
        stub = stubs.AllocationServiceStub(channel)
        return [
            order_id
            for order_id in order_ids
            if not stub.ListLines(messages.ListLinesRequest(order_id=order_id), timeout=CALL_SECONDS).lines
        ]


def disagreements(figures: Mapping[str, Mapping[str, Any]], units: int) -> list[str]:
    """Say where the programs' figures differ from the service's or from one another; empty: all agree."""
    found = [
        f"{name} counts {seen.get('units', 'no')} units promised, the service {units}"
        for name, seen in figures.items()
        if seen.get("units") != units
    ]
    if len({seen.get("lines") for seen in figures.values()}) > 1:
        counted = ", ".join(f"{name} {seen.get('lines')}" for name, seen in figures.items())
        found.append(f"the lines promised are counted differently: {counted}")
    audit, orders, purchasing = (figures.get(name, {}) for name in ("audit", "orders", "purchasing"))
    if audit.get("disagreements"):
        found.append(f"audit found {audit['disagreements']} disagreements among the events")
    if audit.get("missing"):
        found.append(f"audit misses {audit['missing']} events")
    if orders.get("waiting"):
        found.append(f"orders still holds {orders['waiting']} orders that went nowhere")
    if purchasing.get("waiting"):
        found.append(f"purchasing knows of {purchasing['waiting']} lines that still wait for stock")
    return found


def _batches(stub: stubs.AllocationServiceStub, sku: str) -> Iterator[Any]:
    token = ""
    while True:
        request = messages.ListBatchesRequest(sku=sku, page_size=PAGE, page_token=token)
        answer = stub.ListBatches(request, timeout=CALL_SECONDS)
        yield from answer.batches
        token = answer.next_page_token
        if not token:
            return
