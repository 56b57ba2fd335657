"""Whatever is done to the gRPC port, good callers are answered, memory stays bounded, and descriptors come back."""

from __future__ import annotations

import asyncio
import random
import resource
from contextlib import AsyncExitStack, ExitStack
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest
from stock.allocation.v1.allocation_service_pb2 import CreateBatchRequest

from tests.faults.evidence import read_database
from tests.faults.hostile.good_client import a_good_client
from tests.faults.hostile.grpc_abuse import ABUSES, ALLOCATE, silent_connections
from tests.faults.hostile.raw_http2 import (
    END_HEADERS,
    HEADERS,
    RESET,
    RawConnection,
    frame,
    grpc_message,
    header,
    request,
    request_headers,
)
from tests.faults.hostile.vitals import MEBIBYTE, PeakMemory, vitals_of
from tests.faults.load import SEED
from tests.service_process import ServiceProcess
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.faults.hostile.grpc_abuse import Abuse

TIMES = 300
MEMORY_GROWTH_MAX = 200 * MEBIBYTE
DESCRIPTORS_LEFT_MAX = 6
SLOWER_MAX = 100
"""How many times longer than in calm a call may take: a queue is thousands of times longer, a dead server for ever."""
DEADLINE_SECONDS = 15.0


@pytest.fixture(scope="module", autouse=True)
def silent(service: ServiceProcess) -> Iterator[RawConnection]:
    """Somebody who connected before the first test, and has said nothing since."""
    with RawConnection(service.grpc_address, b"") as connection:
        yield connection


@pytest.mark.parametrize("abuse", ABUSES, ids=lambda abuse: abuse.__name__)
async def test_good_callers_are_answered_in_time_while_others_are_up_to(service: ServiceProcess, abuse: Abuse) -> None:
    name = abuse.__name__
    chance = random.Random(f"{SEED} {name}")  # noqa: S311 - varies the abuse, keeps no secret
    print(f"again with FAULTS_SEED={SEED}")  # noqa: T201 - shown when the test fails
    async with a_good_client(service.grpc_address, f"before-{name}") as calm:
        await eventually(lambda: len(calm.seconds) >= 10)
    before = vitals_of(service.pid)

    with PeakMemory(service.pid) as peak:
        async with a_good_client(service.grpc_address, name) as good:
            async with asyncio.timeout(60):
                await asyncio.to_thread(_held_open, abuse(service.grpc_address, chance, TIMES))
            await eventually(lambda: len(good.seconds) >= 10)

    assert good.failures == []
    assert good.middle_seconds < SLOWER_MAX * calm.middle_seconds
    assert good.longest_seconds < DEADLINE_SECONDS
    assert peak.bytes - before.memory_bytes < MEMORY_GROWTH_MAX
    await eventually(lambda: vitals_of(service.pid).descriptors <= before.descriptors + DESCRIPTORS_LEFT_MAX)
    assert service.serves()


def any_method(channel: grpc.aio.Channel, path: str) -> Any:  # noqa: ANN401 - bytes go in, bytes come out
    return channel.unary_unary(path)


def _held_open(abuse: AbstractContextManager[int]) -> None:
    with abuse as times:
        assert times == TIMES


@pytest.mark.parametrize(
    "path",
    [b"/\xff\xfe", b"/stock.allocation.v1.AllocationService/Allo\xaeate", b"", b"/" + b"x" * 8_000, b"\x00", b"no slash"],
    ids=["no UTF-8", "no UTF-8 inside our service", "empty", "long", "zero byte", "no slash"],
)
async def test_a_method_of_any_name_stops_nothing(service: ServiceProcess, path: bytes) -> None:
    pairs = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"localhost")]
    pairs += [(b"content-type", b"application/grpc"), (b"te", b"trailers")]
    block = b"".join(header(name, value) for name, value in pairs)
    async with a_good_client(service.grpc_address, f"path-{path[:50].hex()}") as good:
        with RawConnection(service.grpc_address) as connection:
            for stream in range(1, 20, 2):
                connection.say(frame(HEADERS, END_HEADERS, stream, block) + frame(0, 1, stream, grpc_message(b"")))
            await eventually(lambda: len(good.seconds) >= 20)
    assert good.failures == []


async def test_a_method_that_nobody_has_is_unimplemented(service: ServiceProcess) -> None:
    async with grpc.aio.insecure_channel(service.grpc_address) as channel:
        for path in ("/stock.allocation.v1.AllocationService/Steal", "/no.such.Service/Method", "/x"):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await any_method(channel, path)(b"", timeout=30)
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("given", "kept"),
    [(b"plain", True), ("Ü".encode(), True), (b"a\x00b", False), (b"a\nb", False), (b"\x7f", False), (b"x" * 129, False)],
    ids=["plain", "umlaut", "zero byte", "line feed", "delete", "long"],
)
async def test_a_correlation_id_is_kept_only_if_it_is_a_text_like_any_identifier(
    service: ServiceProcess, given: bytes, *, kept: bool
) -> None:
    sku = f"CORRELATED-{given[:20].hex()}"
    asked = CreateBatchRequest(batch_reference=sku, sku=sku, purchased_quantity=1).SerializeToString()
    path = "/stock.allocation.v1.AllocationService/CreateBatch"
    with RawConnection(service.grpc_address) as connection:
        connection.say(request(path, asked, metadata=[(b"x-correlation-id", given)]))

        def logged() -> list[str]:
            rows = read_database(service.database, ("events",))["events"]
            return [row["correlation_id"] for row in rows if row["sku"] == sku]

        (correlation_id,) = await eventually(logged)
    assert (correlation_id == given.decode()) is kept
    assert correlation_id.isprintable()


async def test_headers_above_their_limit_are_refused(service: ServiceProcess) -> None:
    method = "/stock.allocation.v1.AllocationService/GetBatch"
    async with grpc.aio.insecure_channel(service.grpc_address) as channel:
        for metadata in ([("x-huge", "x" * 40_000)], [(f"x-{number}", "x" * 100) for number in range(300)]):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await any_method(channel, method)(b"\n\x01b", metadata=metadata, timeout=30)
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_thousands_of_calls_at_once_on_one_connection_are_all_answered(service: ServiceProcess) -> None:
    async with grpc.aio.insecure_channel(service.grpc_address) as channel:
        method = any_method(channel, "/stock.allocation.v1.AllocationService/GetBatch")
        answers = await asyncio.gather(*(method(b"\n\x01b", timeout=60) for _ in range(3_000)), return_exceptions=True)
    codes = {answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)}
    assert len(answers) == 3_000
    assert codes == {grpc.StatusCode.NOT_FOUND}


async def test_thousands_of_calls_whose_requests_never_come_hold_little_and_the_oldest_are_dropped(
    service: ServiceProcess,
) -> None:
    head = b"".join(frame(HEADERS, END_HEADERS, stream, request_headers(ALLOCATE)) for stream in range(1, 128, 2))
    before = vitals_of(service.pid)
    async with a_good_client(service.grpc_address, "half-open") as good:
        with PeakMemory(service.pid) as peak, ExitStack() as open_ones:
            connections = [open_ones.enter_context(RawConnection(service.grpc_address)) for _ in range(160)]
            for connection in connections:
                connection.say(head)
                await asyncio.sleep(0.02)  # Not all in one moment: a crowd that has just come is not dropped.
            reset = await asyncio.to_thread(lambda: [kind for kind, *_ in connections[0].frames(20.0) if kind == RESET][:1])
            await eventually(lambda: len(good.seconds) >= 10)
    assert reset, "of 10,240 calls the first are dropped"
    assert good.failures == []
    assert peak.bytes - before.memory_bytes < MEMORY_GROWTH_MAX


async def test_health_watched_by_hundreds_is_still_told(service: ServiceProcess) -> None:
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with AsyncExitStack() as open_ones:
        channels = [
            await open_ones.enter_async_context(grpc.aio.insecure_channel(service.grpc_address, options=options))
            for _ in range(4)
        ]
        watches = [health_pb2_grpc.HealthStub(channel).Watch for channel in channels]
        watching = [watch(HealthCheckRequest(service="nobody"), timeout=60) for watch in watches for _ in range(50)]
        for call in watching:
            assert await call.read() != grpc.aio.EOF
        async with a_good_client(service.grpc_address, "health") as good:
            assert service.serves()
        for call in watching:
            call.cancel()
    assert good.failures == []


@pytest.fixture
def few_descriptors() -> Iterator[int]:
    """What is started in the block has few descriptors; so have we, but for those that were raised before."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    yield 256
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_a_service_out_of_descriptors_serves_whom_it_knows_and_takes_new_callers_again_later(
    tmp_path: Path, few_descriptors: int
) -> None:
    with ServiceProcess(tmp_path) as service:
        await asyncio.to_thread(service.start)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8_192), hard))
        before = vitals_of(service.pid)
        async with a_good_client(service.grpc_address, "few") as good:
            with silent_connections(service.grpc_address, random.Random(1), 4 * few_descriptors):  # noqa: S311 - it is not used
                await eventually(lambda: len(good.seconds) >= 20)
                held = vitals_of(service.pid).descriptors
        assert good.failures == []
        assert before.descriptors + 20 < held < few_descriptors - 20, "some were let in, and some descriptors kept back"
        await eventually(service.serves)
        await eventually(lambda: vitals_of(service.pid).descriptors <= before.descriptors + DESCRIPTORS_LEFT_MAX)


async def test_whoever_connects_and_says_nothing_is_hung_up_on(silent: RawConnection) -> None:
    assert await asyncio.to_thread(silent.is_closed_within, 18.0)


def test_a_whole_request_by_hand_is_answered_so_that_the_damaged_ones_are_nearly_right(service: ServiceProcess) -> None:
    with RawConnection(service.grpc_address) as connection:
        connection.say(request("/stock.allocation.v1.AllocationService/GetBatch", b"\n\x01b"))
        assert any(kind == HEADERS and b"grpc-status" in payload for kind, _, _, payload in connection.frames(10.0))
