"""Compares what the programs found out, each by itself, with one another, with the service and with what flowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PAGE = 1000
CALL_SECONDS = 5.0
VIP_ORDERS = 3
MUST_BE_NOTHING = {
    "audit": {"disagreements": "disagreements among the events", "missing": "events that never came"},
    "orders": {"waiting": "orders that went nowhere"},
    "purchasing": {"waiting": "lines that still wait for stock"},
}
MUST_BE_SOMETHING = {"orders": ("orders", "by_rpc", "by_event"), "warehouse": ("damages",), "purchasing": ("purchases",)}


@dataclass(frozen=True)
class Truth:
    """What the service has promised, what it keeps of each order, and each customer's orders of which a line was allocated."""

    units: int
    lines_kept: Mapping[str, int]
    orders_of: Mapping[str, set[str]]


def ask(target: str, skus: Iterable[str], order_ids: Iterable[str], orders_of: Mapping[str, set[str]]) -> Truth:
    """Ask the service for the batches of all skus and for the lines of all orders. Raises grpc.RpcError."""
    with grpc.insecure_channel(target) as channel:
        stub = stubs.AllocationServiceStub(channel)
        units = sum(batch.allocated_quantity for sku in skus for batch in _batches(stub, sku))
        kept = {
            order_id: len(stub.ListLines(messages.ListLinesRequest(order_id=order_id), timeout=CALL_SECONDS).lines)
            for order_id in order_ids
        }
    return Truth(units, kept, orders_of)


def disagreements(figures: Mapping[str, Mapping[str, Any]], lines_kept: Mapping[str, int], truth: Truth) -> list[str]:
    """Say what is off: `figures` are the programs', `lines_kept` what orders was told of each order. Empty: all agree."""
    return [
        *_promises(figures, truth.units),
        *_orders(lines_kept, truth.lines_kept),
        *_customers(figures.get("crm"), truth.orders_of),
        *_of_their_own(figures),
    ]


def _promises(figures: Mapping[str, Mapping[str, Any]], units: int) -> Iterator[str]:
    if not units:
        yield "nothing is promised: nobody has bought, or nobody has ordered"
    for name, seen in figures.items():
        if seen.get("units") != units:
            yield f"{name} counts {seen.get('units', 'no')} units promised, the service {units}"
    if len({seen.get("lines") for seen in figures.values()}) > 1:
        counted = ", ".join(f"{name} {seen.get('lines')}" for name, seen in figures.items())
        yield f"the lines promised are counted differently: {counted}"


def _orders(told: Mapping[str, int], kept: Mapping[str, int]) -> Iterator[str]:
    for order_id, lines in told.items():
        if kept.get(order_id) != lines:
            yield f"of {order_id} {lines} lines should be kept, the service keeps {kept.get(order_id)}"


def _customers(crm: Mapping[str, Any] | None, orders_of: Mapping[str, set[str]]) -> Iterator[str]:
    if crm is None:
        return
    vips = sorted(customer for customer, orders in orders_of.items() if len(orders) >= VIP_ORDERS)
    if crm.get("vips") != vips:
        yield f"crm's VIPs are {crm.get('vips')}, by the events they are {vips}"
    if crm.get("customers") != len(orders_of):
        yield f"crm counts {crm.get('customers')} customers, by the events there are {len(orders_of)}"


def _of_their_own(figures: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, seen in figures.items():
        for figure, meaning in MUST_BE_NOTHING.get(name, {}).items():
            if seen.get(figure) != 0:
                yield f"{name} counts {seen.get(figure, 'no')} {meaning}"
        for figure in MUST_BE_SOMETHING.get(name, ()):
            if not seen.get(figure):
                yield f"{name} has no {figure}: it played no part"


def _batches(stub: stubs.AllocationServiceStub, sku: str) -> Iterator[Any]:
    token = ""
    while True:
        request = messages.ListBatchesRequest(sku=sku, page_size=PAGE, page_token=token)
        answer = stub.ListBatches(request, timeout=CALL_SECONDS)
        yield from answer.batches
        token = answer.next_page_token
        if not token:
            return
