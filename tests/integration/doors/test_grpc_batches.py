"""What gRPC holds for operations that fail or are given up: nothing of it may stay."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import platform
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.faults.hostile.raw_http2 import INITIAL_WINDOW_SIZE, PREFACE, RawConnection, request, settings

if TYPE_CHECKING:
    from tests.integration.doors.listening import Door

_CONNECTIONS, _WATCHES_EACH = 100, 64
_BYTES_PER_WATCH_MAX = 64
"""grpcio 1.85.1 by itself keeps 356."""
_QUIET_SECONDS = 1.0
_LOOPS = 10
_NEVER_READ = PREFACE + settings([(INITIAL_WINDOW_SIZE, 0)])


class _MallocInfo(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    )


def _bytes_in_use() -> int:
    mallinfo2 = ctypes.CDLL("libc.so.6").mallinfo2
    mallinfo2.restype = _MallocInfo
    gc.collect()
    return int(mallinfo2().uordblks)


def _watch_and_leave(address: str) -> None:
    calls = b"".join(request("/grpc.health.v1.Health/Watch", b"", 2 * number + 1) for number in range(_WATCHES_EACH))
    for _ in range(_CONNECTIONS):
        with RawConnection(address, _NEVER_READ + calls) as connection:
            list(connection.frames(0.02))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="asks glibc how much memory is in use")
async def test_watchers_who_leave_without_reading_cost_no_memory_for_ever_and_no_word_in_the_log(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    in_use = []
    for _ in range(3):
        await asyncio.to_thread(_watch_and_leave, door.listener.address)
        await asyncio.sleep(_QUIET_SECONDS)
        in_use.append(_bytes_in_use())
    assert (in_use[-1] - in_use[0]) / (2 * _CONNECTIONS * _WATCHES_EACH) < _BYTES_PER_WATCH_MAX
    assert not caplog.records


async def test_watchers_who_leave_while_healths_change_leave_nothing_behind(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    before = _count("_Batch")
    leaving = asyncio.create_task(asyncio.to_thread(_watch_and_leave, door.listener.address))
    serves = True
    while not leaving.done():
        serves = not serves
        door.listener.tell_health(store=serves, broker=True)
        await asyncio.sleep(0.003)
    await asyncio.sleep(_QUIET_SECONDS)
    assert _count("_Batch") == before
    assert not caplog.records


async def test_a_client_in_the_loop_of_another_thread_is_answered(door: Door) -> None:
    assert await asyncio.to_thread(asyncio.run, _ask(door)) == health_pb2.HealthCheckResponse.SERVING


async def test_loops_that_end_amid_a_call_are_no_errors_of_others(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    async def leave_amid_a_call() -> None:
        stub: Any = health_pb2_grpc.HealthStub(grpc.aio.insecure_channel(door.listener.address))
        watch = stub.Watch(health_pb2.HealthCheckRequest())
        await watch.read()
        reading = asyncio.create_task(watch.read())
        await asyncio.sleep(0.01)
        assert not reading.done()

    before = _count("_AioCall")
    for _ in range(_LOOPS):
        await asyncio.to_thread(asyncio.run, leave_amid_a_call())

    await asyncio.sleep(_QUIET_SECONDS)
    assert _count("_AioCall") < before + _LOOPS, "only of a loop told between its end and its closing something stays"
    assert not caplog.records


async def _ask(door: Door) -> int:
    async with grpc.aio.insecure_channel(door.listener.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        return int((await stub.Check(health_pb2.HealthCheckRequest(), timeout=5.0)).status)


def _count(name: str) -> int:
    gc.collect()
    return sum(type(one).__name__ == name for one in gc.get_objects())
