"""How the service ends and begins again: nothing is left running, and nothing that was answered is gone."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
import psutil
import pytest
from nats.js.api import DeliverPolicy
from stock.allocation.v1 import allocation_service_pb2 as messages

from tests.e2e.announcements import listening
from tests.service_process import ServiceProcess
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub

CALLERS = 8


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[ServiceProcess]:
    """A service of the test's own, started as a terminal does: in the foreground, leading its process group."""
    with ServiceProcess(tmp_path, own_group=True) as running:
        yield running.start()


def create_batch(stub: AllocationServiceStub, reference: str = "batch", sku: str = "TEASPOON", quantity: int = 10**9) -> None:
    stub.CreateBatch(messages.CreateBatchRequest(batch_reference=reference, sku=sku, purchased_quantity=quantity))


def allocate_until_refused(service: ServiceProcess, caller: int) -> tuple[set[str], grpc.StatusCode]:
    """Allocate line after line; answer those that were allocated, and how the first other call ended."""
    allocated: set[str] = set()
    with service.stub() as stub:
        while True:
            line_id = f"{caller}-{len(allocated)}"
            try:
                stub.Allocate(
                    messages.AllocateRequest(order_id="order", line_id=line_id, sku="TEASPOON", quantity=1), timeout=20
                )
            except grpc.RpcError as error:
                return allocated, error.code()
            allocated.add(line_id)


def kept_lines(stub: AllocationServiceStub) -> set[str]:
    found: set[str] = set()
    token = ""
    while True:
        page = stub.ListLines(messages.ListLinesRequest(order_id="order", page_size=1_000, page_token=token))
        found |= {line.line_id for line in page.lines}
        token = page.next_page_token
        if not token:
            return found


def lives(pid: int) -> bool:
    """Whether the process runs; one that ended and was not waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def assert_nothing_is_left(service: ServiceProcess, broker_pid: int, service_pid: int) -> None:
    wait_until(lambda: not (lives(broker_pid) or lives(service_pid)))
    assert not (service.data_folder / "broker.pid.json").exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
async def test_calls_in_flight_when_it_is_stopped_are_answered_and_what_was_answered_is_kept(
    mortal: ServiceProcess, how: signal.Signals
) -> None:
    broker_pid, service_pid = mortal.broker_pid, mortal.pid
    with mortal.stub() as stub, ThreadPoolExecutor(CALLERS) as threads:
        create_batch(stub)
        calling = [threads.submit(allocate_until_refused, mortal, caller) for caller in range(CALLERS)]
        wait_until(lambda: stub.GetBatch(messages.GetBatchRequest(batch_reference="batch")).batch.allocated_quantity > 200)
        mortal.send(how)
        assert mortal.wait_for_death() == 0
        endings = [call.result() for call in calling]
    assert_nothing_is_left(mortal, broker_pid, service_pid)
    assert {code for _, code in endings} == {grpc.StatusCode.UNAVAILABLE}
    log = mortal.log.read_text()
    assert "Traceback" not in log
    assert "broker_died" not in log, "the signal to the whole process group has reached the broker"
    assert log.endswith("Stopped.\n")

    answered = set().union(*(allocated for allocated, _ in endings))
    mortal.start()
    with mortal.stub() as stub:
        kept = kept_lines(stub)
    assert answered <= kept
    assert len(kept - answered) <= CALLERS
    async with listening(mortal.nats_url, "allocation.allocated", DeliverPolicy.ALL) as announcements:
        told = await announcements.until(lambda seen: len(seen) >= len(kept))
    assert sorted(one.event.line_id for one in told) == sorted(kept)


async def test_a_killed_service_starts_again_and_nothing_that_was_answered_is_gone(mortal: ServiceProcess) -> None:
    orphan_pid = mortal.broker_pid
    with mortal.stub() as stub, ThreadPoolExecutor(CALLERS) as threads:
        create_batch(stub)
        calling = [threads.submit(allocate_until_refused, mortal, caller) for caller in range(CALLERS)]
        wait_until(lambda: stub.GetBatch(messages.GetBatchRequest(batch_reference="batch")).batch.allocated_quantity > 200)
        mortal.kill()
        answered = set().union(*(call.result()[0] for call in calling))
    assert lives(orphan_pid)

    mortal.start()
    assert mortal.broker_pid != orphan_pid
    assert not lives(orphan_pid)
    with mortal.stub() as stub:
        kept = kept_lines(stub)
    assert answered <= kept
    async with listening(mortal.nats_url, "allocation.allocated", DeliverPolicy.ALL) as announcements:
        told = await announcements.until(lambda seen: len(seen) >= len(kept))
    assert sorted(one.event.line_id for one in told) == sorted(kept)


def test_impatient_ctrl_cs_leave_no_traceback(mortal: ServiceProcess) -> None:
    broker_pid, service_pid = mortal.broker_pid, mortal.pid

    def interrupted_to_death() -> bool:
        mortal.send(signal.SIGINT)
        return not lives(broker_pid)

    wait_until(interrupted_to_death)
    assert mortal.wait_for_death() == 0
    assert_nothing_is_left(mortal, broker_pid, service_pid)
    assert "Traceback" not in mortal.log.read_text()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_start_that_is_interrupted_leaves_nothing_behind(tmp_path: Path, how: signal.Signals) -> None:
    with ServiceProcess(tmp_path, own_group=True) as starting:
        starting.launch()
        wait_until((starting.data_folder / "broker.pid.json").exists)
        broker_pid, service_pid = starting.broker_pid, starting.pid
        starting.send(how)
        status = starting.wait_for_death()
        assert_nothing_is_left(starting, broker_pid, service_pid)
        assert status == 0
        assert "Traceback" not in starting.log.read_text()
