"""The operators' door: replay, discard, re-emit, reset, repair; on loopback, and no part of the contract with others."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import grpc
from stock.allocation.admin.v1 import admin_service_pb2 as messages
from stock.allocation.admin.v1 import admin_service_pb2_grpc as stubs

from allocation.contract.validation import check
from allocation.entrypoints.grpc_errors import answered
from allocation.entrypoints.inbound_envelope import envelope_of
from allocation.service_layer import housekeeping
from allocation.service_layer.envelope import Envelope
from allocation.service_layer.errors import CrashedError
from allocation.service_layer.inbox import Consumption, identity_reused
from allocation.service_layer.records import StreamPlace
from allocation.service_layer.streams import BrokerUnavailableError, InboundMessage, StreamMismatchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocation.service_layer.group_commit import GroupCommit
    from allocation.service_layer.records import ParkedMessage
    from allocation.service_layer.repair import Repair
    from allocation.service_layer.streams import InboundStream
    from allocation.service_layer.views import Reader

    Context = grpc.aio.ServicerContext[Any, Any]

_OUTCOMES = {
    Consumption.APPLIED: messages.REPLAY_OUTCOME_APPLIED,
    Consumption.REPEATED: messages.REPLAY_OUTCOME_REPEATED,
    Consumption.SUPERSEDED: messages.REPLAY_OUTCOME_SUPERSEDED,
    Consumption.REJECTED: messages.REPLAY_OUTCOME_REJECTED,
    Consumption.PARKED: messages.REPLAY_OUTCOME_STILL_PARKED,
    Consumption.EARLY: messages.REPLAY_OUTCOME_STILL_PARKED,
    Consumption.NOT_PARKED: messages.REPLAY_OUTCOME_NOT_PARKED,
}


@dataclass(frozen=True)
class StreamNames:
    """What the service calls its streams and its consumer."""

    inbound_stream: str
    inbound_consumer: str
    event_stream: str


class AdminService(stubs.AdminServiceServicer):
    """Implements `stock.allocation.admin.v1.AdminService`."""

    def __init__(
        self,
        group_commit: GroupCommit,
        reader: Reader,
        inbound: InboundStream,
        new_id: Callable[[], str],
        names: StreamNames,
    ) -> None:
        self._group_commit = group_commit
        self._reader = reader
        self._inbound = inbound
        self._new_id = new_id
        self._names = names

    @answered
    async def Describe(  # noqa: N802 - the contract names it
        self, _request: messages.DescribeRequest, _context: Context
    ) -> messages.DescribeResponse:
        """Say which process this is."""
        return messages.DescribeResponse(
            process_id=os.getpid(),
            version=version("allocation-service"),
            inbound_stream=self._names.inbound_stream,
            inbound_consumer=self._names.inbound_consumer,
            event_stream=self._names.event_stream,
        )

    @answered
    async def ReplayParked(  # noqa: N802 - the contract names it
        self, request: messages.ReplayParkedRequest, _context: Context
    ) -> messages.ReplayParkedResponse:
        """Carry out parked messages anew, one after the other, in the order of their stream."""
        check(request)
        places = sorted({_place(place) for place in request.places})
        found = {parked.place: parked for parked in await self._reader.parked_messages(places)}
        response = messages.ReplayParkedResponse()
        for place in places:
            outcome, detail = messages.REPLAY_OUTCOME_NOT_PARKED, ""
            if place in found:
                outcome, detail = await self._replay(found[place])
            response.replays.add(place=messages.ParkedPlace(**place._asdict()), outcome=outcome, detail=detail)
        return response

    @answered
    async def DiscardParked(  # noqa: N802 - the contract names it
        self, request: messages.DiscardParkedRequest, _context: Context
    ) -> messages.DiscardParkedResponse:
        """Set parked messages aside for good."""
        check(request)
        places = tuple(sorted({_place(place) for place in request.places}))
        return messages.DiscardParkedResponse(discarded=await self._submit(housekeeping.DiscardParked(places, request.reason)))

    @answered
    async def ReEmit(  # noqa: N802 - the contract names it
        self, request: messages.ReEmitRequest, _context: Context
    ) -> messages.ReEmitResponse:
        """Put events into the outbox again."""
        check(request)
        return messages.ReEmitResponse(queued=await self._submit(housekeeping.ReEmit(tuple(request.event_ids))))

    @answered
    async def ResetConsumer(  # noqa: N802 - the contract names it
        self, request: messages.ResetConsumerRequest, context: Context
    ) -> messages.ResetConsumerResponse:
        """Have the inbound stream delivered again."""
        check(request)
        by_time = request.WhichOneof("start") == "from_time"
        start = request.from_time.ToDatetime(UTC) if by_time else request.from_sequence
        try:
            return messages.ResetConsumerResponse(pending=await self._inbound.deliver_again(start))
        except BrokerUnavailableError as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        except StreamMismatchError as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    @answered
    async def RepairProduct(  # noqa: N802 - the contract names it
        self, request: messages.RepairProductRequest, _context: Context
    ) -> messages.RepairProductResponse:
        """Mend the counters of a product, and where its lines stand."""
        check(request)
        lines = tuple(
            housekeeping.LineCorrection(
                line.order_id,
                line.line_id,
                line.quantity,
                line.batch_reference or None,
                displaced=line.displaced,
                sku_sequence=line.sku_sequence,
                seen_sku_sequence=line.seen_sku_sequence,
            )
            for line in request.lines
        )
        command = housekeeping.RepairProduct(request.sku, request.sku_sequence_min, lines)
        repair: Repair = await self._group_commit.submit(Envelope(command, self._new_id(), self._new_id()), alone=True)
        return messages.RepairProductResponse(changes=repair.changes, refusals=repair.refusals)

    async def _replay(self, parked: ParkedMessage) -> tuple[messages.ReplayOutcome, str]:
        message = InboundMessage(
            parked.place.stream,
            parked.place.sequence,
            parked.deliveries,
            parked.subject,
            json.loads(parked.headers),
            parked.payload,
            parked.stored_at,
        )
        envelope = envelope_of(message, parked.place.incarnation, self._new_id)
        if envelope.receipt is None:
            raise AssertionError("a message has a receipt")
        receipt = replace(envelope.receipt, is_replay=True)
        try:
            consumption: Consumption = await self._group_commit.submit(replace(envelope, receipt=receipt), alone=True)
        except CrashedError:
            return messages.REPLAY_OUTCOME_STILL_PARKED, "it met a bug in the service; the log has it whole"
        detail = ""
        if consumption is Consumption.EARLY:
            detail = f"its batch is unknown: {envelope.command}"
        elif consumption is Consumption.PARKED:
            detail = envelope.command.detail if isinstance(envelope.command, housekeeping.Park) else identity_reused(receipt)
        return _OUTCOMES[consumption], detail

    async def _submit(self, command: housekeeping.DiscardParked | housekeeping.ReEmit) -> int:
        answer: int = await self._group_commit.submit(Envelope(command, self._new_id(), self._new_id()))
        return answer


def _place(place: messages.ParkedPlace) -> StreamPlace:
    return StreamPlace(place.stream, place.incarnation, place.sequence)
