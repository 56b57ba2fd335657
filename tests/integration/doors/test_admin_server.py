"""The operators' door over gRPC: parked messages carried out anew in their order or discarded, and a broker that is away."""

from __future__ import annotations

import json
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import grpc
import pytest
from stock.allocation.admin.v1 import admin_service_pb2 as messages
from stock.allocation.admin.v1.admin_service_pb2_grpc import AdminServiceStub
from stock.allocation.v1.inbound_events_pb2 import BatchCreated
from structlog.testing import capture_logs

from allocation.domain.commands import CreateBatch
from allocation.entrypoints.admin_listener import AdminListener
from allocation.entrypoints.admin_server import AdminService, StreamNames
from allocation.service_layer.housekeeping import ParkingReason
from allocation.service_layer.records import ParkedMessage, StreamPlace
from tests.integration.doors.brokers import INBOUND, FakeInbound
from tests.integration.doors.parts import CURSED, Parts, running_parts
from tests.unit.house import TODAY, asked, message_of
from tests.unit.service_layer.happenings import RUG, changed, created

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from google.protobuf.message import Message
    from stock.allocation.admin.v1.admin_service_pb2_grpc import AdminServiceAsyncStub

    from tests.integration.doors.parts import TroubledStore

Outcome = messages.ReplayOutcome


@dataclass(frozen=True)
class Operators:
    """The door, and what stands behind it."""

    stub: AdminServiceAsyncStub
    parts: Parts

    @property
    def store(self) -> TroubledStore:
        """The store."""
        return self.parts.store

    def park(self, sequence: int, event: Message | bytes, incarnation: int = 1, **headers: str) -> messages.ParkedPlace:
        """Have a message parked that could be carried out, or bytes that are none."""
        message = message_of(created() if isinstance(event, bytes) else event, sequence)
        message = replace(message, payload=event) if isinstance(event, bytes) else message
        place = StreamPlace(INBOUND, incarnation, sequence)
        self.store.parked[place] = ParkedMessage(
            place=place,
            subject=message.subject,
            headers=json.dumps({name.replace("_", "-"): value for name, value in headers.items()}),
            payload=message.payload,
            fingerprint=b"",
            deliveries=41,
            reason=ParkingReason.TOO_MANY_DELIVERIES,
            detail="delivered 41 times",
            parked_at=TODAY,
            log_position=1,
            stored_at=sequence * 1_000_000,
        )
        return messages.ParkedPlace(**place._asdict())

    async def replay(self, *places: messages.ParkedPlace) -> list[tuple[int, int, str]]:
        """Replay, and answer sequence, outcome and detail of each."""
        answer = await self.stub.ReplayParked(messages.ReplayParkedRequest(places=places))
        return [(one.place.sequence, one.outcome, one.detail) for one in answer.replays]

    async def create(self, reference: str) -> None:
        """Create a batch by another door."""
        await self.parts.group_commit.submit(asked(CreateBatch(reference, RUG, 10)))


@asynccontextmanager
async def operators_door() -> AsyncIterator[Operators]:
    async with running_parts() as parts:
        names = StreamNames(INBOUND, "allocation", "ALLOCATION_EVENTS")
        service = AdminService(parts.group_commit, parts.store, FakeInbound(), lambda: "new-id", names)
        listener = AdminListener(service, 0)
        await listener.start()
        async with grpc.aio.insecure_channel(listener.address) as channel:
            yield Operators(AdminServiceStub(channel), parts)
        await listener.stop(1)


@pytest.fixture
async def operators() -> AsyncIterator[Operators]:
    """An operators' door with nothing parked yet."""
    async with operators_door() as opened:
        yield opened


async def test_it_says_which_process_it_is_and_what_its_streams_are_called(operators: Operators) -> None:
    described = await operators.stub.Describe(messages.DescribeRequest())
    assert (described.process_id, described.inbound_stream) == (os.getpid(), INBOUND)
    assert (described.inbound_consumer, described.event_stream) == ("allocation", "ALLOCATION_EVENTS")


async def test_messages_are_carried_out_in_the_order_of_their_stream_each_once(operators: Operators) -> None:
    batch, later, newer = (operators.park(number, event) for number, event in enumerate((created(), changed(5), changed(8)), 9))
    assert await operators.replay(newer, batch, later, newer) == [
        (9, Outcome.REPLAY_OUTCOME_APPLIED, ""),
        (10, Outcome.REPLAY_OUTCOME_APPLIED, ""),
        (11, Outcome.REPLAY_OUTCOME_APPLIED, ""),
    ]
    assert operators.store.batches_by_reference["b1"].purchased_quantity == 8
    assert operators.store.fences["b1"].stored_at == 11_000_000, "when the broker stored it, not when it was replayed"
    assert await operators.replay(later) == [(10, Outcome.REPLAY_OUTCOME_NOT_PARKED, "")]


async def test_a_former_life_comes_before_a_later_one(operators: Operators) -> None:
    await operators.create("b1")
    later, former = operators.park(1, changed(8), incarnation=2), operators.park(70, changed(5))
    assert [outcome for _, outcome, _ in await operators.replay(later, former)] == [Outcome.REPLAY_OUTCOME_APPLIED] * 2
    assert operators.store.batches_by_reference["b1"].purchased_quantity == 8


async def test_each_message_has_an_outcome_of_its_own(operators: Operators) -> None:
    await operators.create("b1")
    places = [
        operators.park(1, changed(5)),
        operators.park(2, created(quantity=11)),
        operators.park(3, changed(5, "unknown")),
        operators.park(4, b"\xff"),
        operators.park(5, created("b5"), ce_source="/shop", ce_id="7"),
        operators.park(6, created("b6"), ce_source="/shop", ce_id="7"),
        operators.park(7, created("b5"), ce_source="/shop", ce_id="7"),
        messages.ParkedPlace(stream=INBOUND, incarnation=1, sequence=8),
    ]
    found = await operators.replay(*places)
    assert [outcome for _, outcome, _ in found] == [
        Outcome.REPLAY_OUTCOME_APPLIED,
        Outcome.REPLAY_OUTCOME_REJECTED,
        Outcome.REPLAY_OUTCOME_STILL_PARKED,
        Outcome.REPLAY_OUTCOME_STILL_PARKED,
        Outcome.REPLAY_OUTCOME_APPLIED,
        Outcome.REPLAY_OUTCOME_STILL_PARKED,
        Outcome.REPLAY_OUTCOME_REPEATED,
        Outcome.REPLAY_OUTCOME_NOT_PARKED,
    ]
    details = {sequence: detail for sequence, _, detail in found if detail}
    assert details[3].startswith("its batch is unknown: ")
    assert details[4] == "payload: 1 bytes that are no stock.allocation.v1.BatchCreated"
    assert details[6] == "ce-source '/shop' with ce-id '7' came before with another payload"
    assert set(details) == {3, 4, 6}


async def test_a_message_that_meets_a_bug_stays_parked_and_the_next_is_carried_out(operators: Operators) -> None:
    cursed = BatchCreated(batch_reference="b1", sku=CURSED, purchased_quantity=1)
    places = operators.park(1, cursed), operators.park(2, created("b2"))
    found = await operators.replay(*places)
    assert found == [
        (1, Outcome.REPLAY_OUTCOME_STILL_PARKED, "it met a bug in the service; the log has it whole"),
        (2, Outcome.REPLAY_OUTCOME_APPLIED, ""),
    ]
    assert set(operators.store.ended) == {StreamPlace(INBOUND, 1, 2)}


async def test_discarded_messages_are_counted_once(operators: Operators) -> None:
    places = [operators.park(number, b"\xff") for number in (1, 2)]
    request = messages.DiscardParkedRequest(places=[*places, places[0]], reason="sent by a test")
    assert (await operators.stub.DiscardParked(request)).discarded == 2
    assert (await operators.stub.DiscardParked(request)).discarded == 0
    assert [ending.detail for ending in operators.store.ended.values()] == ["sent by a test", "sent by a test"]


@pytest.mark.parametrize(
    ("request_", "violation"),
    [
        (messages.ReplayParkedRequest(), "places"),
        (messages.ReplayParkedRequest(places=[messages.ParkedPlace(stream="S", sequence=1)]), "places[0].incarnation"),
        (messages.DiscardParkedRequest(places=[messages.ParkedPlace(stream="S", incarnation=1, sequence=1)]), "reason"),
        (messages.ResetConsumerRequest(from_sequence=0), "from_sequence"),
        (messages.ResetConsumerRequest(), "start"),
    ],
)
async def test_what_breaks_a_constraint_is_refused(operators: Operators, request_: Message, violation: str) -> None:
    name = type(request_).__name__.removesuffix("Request")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await getattr(operators.stub, name)(request_)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert str(refused.value.details()).startswith(violation)


async def test_a_reset_while_the_broker_is_away_is_unavailable_and_no_bug(operators: Operators) -> None:
    with capture_logs() as logged, pytest.raises(grpc.aio.AioRpcError) as refused:
        await operators.stub.ResetConsumer(messages.ResetConsumerRequest(from_sequence=3))
    assert (refused.value.code(), refused.value.details()) == (
        grpc.StatusCode.UNAVAILABLE,
        "nothing is left to deliver from 3",
    )
    assert [line for line in logged if line["log_level"] in ("error", "critical")] == []
