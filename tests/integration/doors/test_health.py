"""Health, as it is told to those who ask and to those who watch, some of whom never read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from tests.faults.hostile.raw_http2 import INITIAL_WINDOW_SIZE, PREFACE, RawConnection, request, settings
from tests.integration.doors.listening import listening_door

if TYPE_CHECKING:
    from tests.integration.doors.listening import Door

BROKER = "allocation.broker"
SERVING, NOT_SERVING, UNKNOWN = (
    HealthCheckResponse.SERVING,
    HealthCheckResponse.NOT_SERVING,
    HealthCheckResponse.SERVICE_UNKNOWN,
)


async def next_of(watch: Any) -> int:  # noqa: ANN401 - a call of grpc.aio
    answer = await asyncio.wait_for(watch.read(), 10)
    return int(answer.status)


async def test_a_watcher_is_told_how_it_is_and_then_each_change_once(door: Door) -> None:
    watch = HealthStub(door.channel).Watch(HealthCheckRequest(service=BROKER))
    assert await next_of(watch) == UNKNOWN
    for serves, status in ((True, SERVING), (False, NOT_SERVING), (True, SERVING)):
        door.listener.tell_health(store=True, broker=serves)
        door.listener.tell_health(store=True, broker=serves)
        assert await next_of(watch) == status


async def test_what_has_no_health_is_not_found(door: Door) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await door.health("nobody")
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_watcher_who_never_reads_keeps_nobody_from_being_told_and_the_door_from_closing() -> None:
    async with listening_door() as door:
        opening = PREFACE + settings([(INITIAL_WINDOW_SIZE, 0)])
        with RawConnection(door.listener.address, opening) as connection:
            for number in range(20):
                watched = HealthCheckRequest(service=BROKER if number % 2 else "").SerializeToString()
                connection.say(request("/grpc.health.v1.Health/Watch", watched, 2 * number + 1))
            watch = HealthStub(door.channel).Watch(HealthCheckRequest(service=BROKER))
            assert await next_of(watch) == UNKNOWN
            for serves, status in ((True, SERVING), (False, NOT_SERVING)):
                door.listener.tell_health(store=True, broker=serves)
                assert await next_of(watch) == status
            assert await asyncio.wait_for(door.health(""), 10) == SERVING
            stopping = asyncio.ensure_future(door.listener.stop(1.0))
            assert await next_of(HealthStub(door.channel).Watch(HealthCheckRequest())) == NOT_SERVING
            await asyncio.wait_for(stopping, 20)


async def test_a_watcher_who_reads_does_not_keep_the_door_open() -> None:
    async with listening_door() as door:
        watch = HealthStub(door.channel).Watch(HealthCheckRequest())
        assert await next_of(watch) == SERVING
        stopping = asyncio.ensure_future(door.listener.stop(60.0))
        assert await next_of(watch) == NOT_SERVING
        assert await asyncio.wait_for(watch.read(), 10) is grpc.aio.EOF
        await asyncio.wait_for(stopping, 20)
