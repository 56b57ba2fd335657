"""Ten times more load than the service can carry: it sheds what it cannot, answers in time what it takes, and recovers."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import nats
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1.inbound_events_pb2 import BatchCreated

from tests.faults.evidence import read_database
from tests.faults.hostile.good_client import a_good_client
from tests.faults.hostile.overload import SHED, carried, phase, slow, stock_up
from tests.faults.hostile.vitals import MEBIBYTE, vitals_of
from tests.service_process import ServiceProcess
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

SECONDS_PER_TRANSACTION = 0.05
GROUP_MAX = 8
OVERLOAD_SECONDS = 4.0
IN_TIME_SECONDS = 5.0
"""Nobody is let in who would wait for more than one second; without that the last would have waited for more than thirty."""
RECOVERED_SECONDS = 5.0
CROWD, CROWD_CHANNELS = 6_400, 64
CROWD_IN_TIME_SECONDS = 15.0
"""The streams of all connections, worked off by a busy machine; whoever is accepted has waited behind those who were not."""


async def test_ten_times_more_load_is_shed_and_what_is_accepted_is_answered_in_time(tmp_path: Path) -> None:
    with slow(tmp_path, SECONDS_PER_TRANSACTION, group_commands_max=GROUP_MAX) as service:
        await asyncio.to_thread(service.start)
        await stock_up(service.grpc_address)
        rate = await carried(service.grpc_address, 2.0)
        before, kept_before = vitals_of(service.pid), _kept_lines(service)

        overloading = asyncio.create_task(phase(service, "over", rate=10 * rate, seconds=OVERLOAD_SECONDS))
        consumed_seconds = await _until_consumed(service)
        overload = await overloading
        kept = _kept_lines(service) - kept_before
        async with a_good_client(service.grpc_address, "after") as after:
            await eventually(lambda: len(after.seconds) >= 5)

        print(overload)  # noqa: T201 - shown when the test fails
        assert set(overload.answers) == {"OK", SHED}
        assert overload.answers[SHED] > overload.answers["OK"]
        assert overload.accepted_rate > rate / 3
        assert overload.percentile(99) < IN_TIME_SECONDS
        assert overload.peak_bytes - before.memory_bytes < 200 * MEBIBYTE
        assert consumed_seconds < IN_TIME_SECONDS + OVERLOAD_SECONDS, "messages are served beside the calls"
        assert after.failures == []
        assert after.longest_seconds < RECOVERED_SECONDS
        assert kept == overload.answers["OK"], "what was refused is not done"


async def test_a_crowd_that_calls_faster_than_the_processor_can_answer_is_answered_in_time_or_told_why_not(
    tmp_path: Path,
) -> None:
    with ServiceProcess(tmp_path) as service:
        await asyncio.to_thread(service.start)
        await stock_up(service.grpc_address)
        rate = await carried(service.grpc_address, 2.0)
        before = vitals_of(service.pid)

        crowd = await phase(service, "crowd", callers=CROWD, seconds=OVERLOAD_SECONDS, channels=CROWD_CHANNELS)
        async with a_good_client(service.grpc_address, "after") as after:
            await eventually(lambda: len(after.seconds) >= 5)

        print(crowd)  # noqa: T201 - shown when the test fails
        assert set(crowd.answers) <= {"OK", SHED}, "nobody is told CANCELLED"
        assert crowd.accepted_rate > rate / 4
        assert crowd.percentile(99) < CROWD_IN_TIME_SECONDS
        assert crowd.peak_bytes - before.memory_bytes < 250 * MEBIBYTE
        assert after.failures == []
        assert after.longest_seconds < RECOVERED_SECONDS


async def _until_consumed(service: ServiceProcess) -> float:
    client = await nats.connect(service.nats_url, allow_reconnect=False)
    created = BatchCreated(batch_reference="by-message", sku="BESIDE-THE-CALLS", purchased_quantity=1)
    await client.jetstream().publish("batch.created", created.SerializeToString())
    await client.close()
    began = time.monotonic()
    await eventually(lambda: any(row["message_id"] for row in read_database(service.database, ("inbox",))["inbox"]), 30)
    return time.monotonic() - began


def _kept_lines(service: ServiceProcess) -> int:
    with service.stub() as stub:
        pages = stub.ListBatches(messages.ListBatchesRequest(sku="SMALL-TABLE-0", page_size=1))
        assert pages.batches[0].allocated_quantity > 0
    return len(read_database(service.database, ("order_lines",))["order_lines"])
