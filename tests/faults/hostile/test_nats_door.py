"""Whatever is published to the inbound stream, it is parked with its reason, and good messages and calls are served."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from stock.allocation.v1.inbound_events_pb2 import OrderPlaced, OrderPlacedLine

from tests.e2e.announcements import listening
from tests.e2e.publishing import assert_serves
from tests.faults.evidence import count_rows, read_database
from tests.faults.hostile.good_client import a_good_client
from tests.faults.hostile.nats_abuse import HEADERS, STATUS_LINES, SUBJECTS, publish_garbage, publishing
from tests.faults.hostile.vitals import MEBIBYTE, PeakMemory
from tests.faults.load import SEED
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.service_process import ServiceProcess

import nats

MEMORY_GROWTH_MAX = 200 * MEBIBYTE
FLOOD = 5_000
DEADLINE_SECONDS = 15.0
PARKED_WITHIN_SECONDS = 60.0


async def assert_messages_are_served(service: ServiceProcess) -> None:
    client = await nats.connect(service.nats_url, allow_reconnect=False)
    try:
        async with listening(service.nats_url) as announcements:
            await assert_serves(client, announcements)
    finally:
        await client.close()


async def parked(service: ServiceProcess, wanted: int) -> None:
    await eventually(lambda: count_rows(service.database, "parked_messages") >= wanted, PARKED_WITHIN_SECONDS)
    assert count_rows(service.database, "parked_messages") == wanted


async def test_bytes_of_every_kind_under_headers_of_every_kind_are_parked(service: ServiceProcess) -> None:
    print(f"again with FAULTS_SEED={SEED}")  # noqa: T201 - shown when the test fails
    before = count_rows(service.database, "parked_messages")
    chance = random.Random(SEED)  # noqa: S311 - varies the garbage, keeps no secret
    headers = HEADERS + STATUS_LINES
    await asyncio.to_thread(publish_garbage, service.nats_port, chance, 10 * len(headers), headers)
    await parked(service, before + 10 * len(headers))
    rows = read_database(service.database, ("parked_messages",))["parked_messages"]
    assert {row["reason"] for row in rows} == {"malformed"}
    assert {row["deliveries"] for row in rows} == {1}
    await assert_messages_are_served(service)


async def test_thousands_of_malformed_messages_are_parked_while_good_callers_are_answered(service: ServiceProcess) -> None:
    before = count_rows(service.database, "parked_messages")
    with PeakMemory(service.pid) as peak:
        start = peak.bytes
        async with a_good_client(service.grpc_address, "flood") as good:

            def flood() -> None:
                with publishing(service.nats_port) as publisher:
                    for number in range(FLOOD):
                        publisher.publish(SUBJECTS[number % len(SUBJECTS)], b"\xff" * 200)

            await asyncio.to_thread(flood)
            await parked(service, before + FLOOD)
    assert good.failures == []
    assert good.longest_seconds < DEADLINE_SECONDS
    assert peak.bytes - start < MEMORY_GROWTH_MAX
    await assert_messages_are_served(service)


async def test_messages_as_large_as_the_broker_takes_hold_nobody_up(service: ServiceProcess) -> None:
    largest = [
        b"\x0a\x01o" + b"\x12\x00" * 500_000,
        b"\x0a\x01o" + b"\x12\x05\x12\x01s\x18\x01" * 140_000,
        b"\x0a\x01o" + b"\x12\x00" * 2_000,
        b"\x00" * 1_000_000,
    ]
    before = count_rows(service.database, "parked_messages")
    with PeakMemory(service.pid) as peak:
        start = peak.bytes
        async with a_good_client(service.grpc_address, "largest") as good:
            began = time.monotonic()
            with publishing(service.nats_port) as publisher:
                for payload in largest * 5:
                    publisher.publish("order.placed", payload)
            await parked(service, before + 5 * len(largest))
            took = time.monotonic() - began
    assert good.failures == []
    assert max(good.longest_seconds, took) < DEADLINE_SECONDS, "one of them alone once took minutes"
    assert peak.bytes - start < MEMORY_GROWTH_MAX
    details = [row["detail"] for row in read_database(service.database, ("parked_messages",))["parked_messages"]]
    assert "lines: must contain no more than 2000 item(s), is 500000 items" in details
    assert max(map(len, details)) < 50_000


async def test_orders_of_thousands_of_bad_lines_do_not_stop_the_clock(service: ServiceProcess) -> None:
    """Each takes a moment to be looked at; between two of them others have their turn."""
    order = OrderPlaced(order_id="o", lines=[OrderPlacedLine(line_id=f"{n}", sku="s\n", quantity=-1) for n in range(2_000)])
    before = count_rows(service.database, "parked_messages")
    async with a_good_client(service.grpc_address, "lines") as good:
        with publishing(service.nats_port) as publisher:
            for _ in range(40):
                publisher.publish("order.placed", order.SerializeToString())
        await parked(service, before + 40)
    assert good.failures == []
    assert good.longest_seconds < DEADLINE_SECONDS
