"""Audit the allocation service: try NAME | damage BATCH_REFERENCE QUANTITY | run NAME STATE_FILE SECONDS."""

import asyncio
import logging
import os
import sys
import uuid
from pathlib import Path

import grpc
import protovalidate
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from stock.allocation.v1 import allocation_service_pb2 as rpc
from stock.allocation.v1 import allocation_service_pb2_grpc, line_pb2, subjects
from stock.allocation.v1.inbound_events_pb2 import BatchQuantityChanged

from examples.audit.follower import TROUBLE, connect, run, say
from examples.audit.ledger import Ledger


async def call(name: str) -> int:
    """Create a batch, allocate a line of it, and be refused; answer the exit status."""
    async with grpc.aio.insecure_channel(os.environ.get("GRPC_TARGET", "127.0.0.1:50051")) as channel:
        service = allocation_service_pb2_grpc.AllocationServiceStub(channel)
        expected = None
        try:
            health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
            say(health=health_pb2.HealthCheckResponse.ServingStatus.Name(health.status))
            bought = rpc.CreateBatchRequest(batch_reference=f"{name}-batch", sku=f"{name}-sku", purchased_quantity=10)
            batch = (await service.CreateBatch(bought, timeout=5)).batch
            say(batch_reference=batch.batch_reference, purchased_quantity=batch.purchased_quantity)
            wanted = rpc.AllocateRequest(order_id=f"{name}-1", sku=f"{name}-sku", quantity=3)
            line = (await service.Allocate(wanted, timeout=5)).line
            state = line_pb2.LineState.Name(line.state)
            say(order_id=line.order_id, line_id=line.line_id, state=state, batch_reference=line.batch_reference)
            wanted = rpc.AllocateRequest(order_id=f"{name}-1", sku=f"{name}-unknown", quantity=1)
            expected = "REJECTION_REASON_UNKNOWN_SKU"
            await service.Allocate(wanted, timeout=5)
        except grpc.aio.AioRpcError as error:
            status = status_pb2.Status.FromString(dict(error.trailing_metadata()).get("grpc-status-details-bin", b""))
            information = error_details_pb2.ErrorInfo()
            has_reason = any(detail.Unpack(information) for detail in status.details)
            say(code=error.code().name, **({"reason": information.reason} if has_reason else {}))
            return int(information.reason != expected)
    return 1


async def damage(event: BatchQuantityChanged) -> int:
    """Report how much is left of a batch, unless the report breaks a constraint; answer the exit status."""
    if broken := protovalidate.collect_violations(event):
        fields = [violation.proto.field for violation in broken]
        say(violations=[".".join(element.field_name for element in field.elements) for field in fields if field])
        return 2
    headers = {"ce-specversion": "1.0", "ce-id": str(uuid.uuid4()), "ce-source": "/audit"}
    headers |= {"ce-type": event.DESCRIPTOR.full_name, "ce-datacontenttype": "application/protobuf"}
    headers["Nats-Msg-Id"] = headers["ce-id"]
    async with await connect() as client:
        ack = await client.jetstream().publish(subjects.BATCH_QUANTITY_CHANGED, event.SerializeToString(), headers=headers)
    say(subject=subjects.BATCH_QUANTITY_CHANGED, stream_sequence=ack.seq)
    return 0


def main() -> int:
    """Run a command, and answer the exit status."""
    logging.getLogger("nats").setLevel(logging.CRITICAL)  # what goes wrong there is told here
    try:
        match sys.argv[1:]:
            case ["try", name]:
                command = call(name)
            case ["damage", batch_reference, quantity]:
                command = damage(BatchQuantityChanged(batch_reference=batch_reference, quantity=int(quantity)))
            case ["run", name, state, seconds] if int(seconds) >= 0:
                command = run(name, Ledger(Path(state)))
            case _:
                raise ValueError("no command")  # noqa: TRY301 - bad input of every kind ends in one place
    except (ValueError, LookupError, TypeError, OSError) as error:
        print(f"{__doc__} {sys.argv[1:]}: {error!r}", file=sys.stderr)
        return 64
    try:
        return asyncio.run(command)
    except TROUBLE as error:
        print(f"audit: {type(error).__name__}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
