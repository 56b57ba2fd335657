"""The gRPC door when things go wrong behind it: what its caller is told, and what was done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from stock.allocation.v1 import allocation_service_pb2 as messages

from allocation.entrypoints import grpc_acceptor
from allocation.entrypoints.address import AddressInUseError
from allocation.entrypoints.grpc_listener import SERVICE_NAME, GrpcListener
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError
from tests.e2e.refusals import Refusal, read_refusal
from tests.faults.hostile.grpc_abuse import ALLOCATE
from tests.faults.hostile.raw_http2 import END_HEADERS, HEADERS, RawConnection, frame, request_headers
from tests.integration.doors.listening import listening_door
from tests.integration.doors.parts import CURSED
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from google.protobuf.message import Message

    from tests.integration.doors.listening import Door


async def refusal_of(call: Awaitable[Message]) -> Refusal:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return read_refusal(refused.value)


async def begin_one_that_blocks(door: Door) -> asyncio.Future[Any]:
    """Have a transaction in the store that does not end before the store is opened."""
    door.store.open.clear()
    begun = door.store.begun
    call = asyncio.ensure_future(door.create("blocking"))
    await eventually(lambda: door.store.begun > begun)
    return call


async def test_a_call_whose_deadline_passed_in_the_queue_is_never_carried_out(door: Door) -> None:
    blocking = await begin_one_that_blocks(door)
    waiting = door.allocate("impatient", timeout_seconds=0.2)
    assert (await refusal_of(waiting)).code is grpc.StatusCode.DEADLINE_EXCEEDED
    await eventually(lambda: door.service.ended == 1)
    door.store.open.set()
    await blocking
    assert (await door.allocate("patient")).line.batch_reference == "batch"
    assert [key.order_id for key in door.store.kept] == ["patient"]


async def test_a_call_that_is_cancelled_after_it_began_cancels_nothing(door: Door) -> None:
    door.store.open.clear()
    begun = door.store.begun
    call = door.allocate("gone")
    asked = asyncio.ensure_future(_swallow(call))
    await eventually(lambda: door.store.begun > begun)
    call.cancel()
    await asked
    await eventually(lambda: door.service.ended == 1)
    door.store.open.set()
    await eventually(lambda: [key.order_id for key in door.store.kept] == ["gone"])


async def test_a_full_queue_refuses_the_next_call_and_serves_those_that_wait() -> None:
    async with listening_door(waiting_commands_max=1) as door:
        await door.create("batch")
        blocking = await begin_one_that_blocks(door)
        waiting = [asyncio.ensure_future(door.allocate(f"order-{number}")) for number in (1, 2)]
        done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert (len(done), len(pending)) == (1, 1)
        assert await refusal_of(done.pop()) == Refusal(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "1 commands are waiting, which is the limit",
            "REJECTION_REASON_QUEUE_FULL",
            "stock.allocation.v1",
            {"waiting_commands_max": "1"},
        )
        door.store.open.set()
        await blocking
        assert (await pending.pop()).line.batch_reference == "batch"
        assert len(door.store.kept) == 1


@pytest.mark.parametrize(
    ("trouble", "text", "reason"),
    [
        (
            StoreUnavailableError("disk I/O error at /secret/place"),
            "the store cannot be reached; nothing was done",
            "STORE_UNAVAILABLE",
        ),
        (
            OutcomeUnknownError("server closed the connection of clerk:open-sesame"),
            "the store did not say whether it committed; ask again",
            "OUTCOME_UNKNOWN",
        ),
    ],
)
async def test_a_store_in_trouble_is_unavailable_and_no_more_is_told(
    door: Door, trouble: Exception, text: str, reason: str
) -> None:
    door.store.troubles.append(trouble)
    assert await refusal_of(door.allocate("order")) == Refusal(
        grpc.StatusCode.UNAVAILABLE, text, f"REJECTION_REASON_{reason}", "stock.allocation.v1"
    )
    assert (await door.allocate("order")).line.batch_reference == "batch"


async def test_a_store_that_cannot_be_read_is_unavailable(door: Door) -> None:
    async def away(_reference: str) -> None:
        raise StoreUnavailableError("a read took longer than 5.0 seconds")

    door.store.batch = away  # type: ignore[assignment,method-assign] # the one read of this test
    refusal = await refusal_of(door.stub.GetBatch(messages.GetBatchRequest(batch_reference="batch")))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "REJECTION_REASON_STORE_UNAVAILABLE")


async def test_a_crash_is_told_briefly_and_the_next_call_is_served(door: Door) -> None:
    assert await refusal_of(door.create("crash", sku=CURSED)) == Refusal(grpc.StatusCode.INTERNAL, "internal error")
    assert (await door.allocate("order")).line.batch_reference == "batch"
    assert "crash" not in door.store.batches_by_reference


async def test_a_bug_in_the_door_itself_is_told_briefly(door: Door) -> None:
    async def broken(_order_id: str, _after: str, _limit: int) -> None:
        raise KeyError("the secret drawer")

    door.store.lines = broken  # type: ignore[assignment,method-assign] # the one read of this test
    refusal = await refusal_of(door.stub.ListLines(messages.ListLinesRequest(order_id="order")))
    assert refusal == Refusal(grpc.StatusCode.INTERNAL, "internal error")


async def test_a_call_that_comes_while_it_shuts_down_is_unavailable(door: Door) -> None:
    await door.parts.group_commit.close()
    refusal = await refusal_of(door.allocate("late"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "REJECTION_REASON_SHUTTING_DOWN")


async def test_a_call_under_way_is_answered_before_the_door_closes(door: Door) -> None:
    blocking = await begin_one_that_blocks(door)
    stopping = asyncio.ensure_future(door.listener.stop(10.0))
    assert (await _swallow(door.allocate("late"))) is grpc.StatusCode.UNAVAILABLE
    assert not stopping.done()
    door.store.open.set()
    assert (await blocking).batch.batch_reference == "blocking"
    await stopping


async def test_nobody_waits_for_a_request_that_does_not_come_when_the_door_closes() -> None:
    async with listening_door() as door:
        with RawConnection(door.listener.address) as connection:
            for stream in range(1, 64, 2):
                connection.say(frame(HEADERS, END_HEADERS, stream, request_headers(ALLOCATE)))
            await door.create("after them")
            stopping = asyncio.ensure_future(door.listener.stop(4.0))
            kinds = await asyncio.to_thread(lambda: [kind for kind, *_ in connection.frames(3.0)])
            assert HEADERS in kinds, "they are ended before the time for calls under way is over"
            await stopping


async def test_the_health_of_the_broker_is_none_of_the_services(door: Door) -> None:
    serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    door.listener.tell_health(store=True, broker=False)
    assert [await door.health(name) for name in ("", SERVICE_NAME)] == [serving, serving]
    assert await door.health("allocation.broker") == not_serving
    door.listener.tell_health(store=False, broker=True)
    assert [await door.health(name) for name in ("", SERVICE_NAME)] == [not_serving, not_serving]
    assert await door.health("allocation.broker") == serving


async def test_a_door_whose_server_dies_says_so(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("what nobody thought of")

    ended = asyncio.ensure_future(door.listener.ended())
    await door.create("before")
    assert not ended.done()
    monkeypatch.setattr(grpc_acceptor._Acceptor, "_begin", broken)  # noqa: SLF001 - a bug that it does not have
    unanswered = asyncio.ensure_future(door.create("after"))
    with pytest.raises(KeyError, match="nobody thought of"):
        await asyncio.wait_for(ended, 10)
    unanswered.cancel()


async def test_two_doors_never_share_an_address(door: Door) -> None:
    host, _, port = door.listener.address.rpartition(":")
    with pytest.raises(AddressInUseError, match="set ALLOCATION_GRPC_PORT"):
        await GrpcListener(door.service, host, int(port)).start()


async def _swallow(call: Any) -> grpc.StatusCode | None:  # noqa: ANN401 - a call of grpc.aio
    try:
        await call
    except asyncio.CancelledError:
        return grpc.StatusCode.CANCELLED
    except grpc.aio.AioRpcError as error:
        return error.code()
    return None
