"""What becomes of the messages that were fetched: each is translated, carried out, and answered after its commit."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from allocation.entrypoints.inbound_envelope import envelope_of
from allocation.entrypoints.redelivery import delay_seconds
from allocation.service_layer.errors import CrashedError, ShuttingDownError
from allocation.service_layer.housekeeping import Park, ParkingReason
from allocation.service_layer.inbox import Consumption
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from allocation.service_layer.envelope import Envelope
    from allocation.service_layer.group_commit import GroupCommit
    from allocation.service_layer.streams import Delivery

log = structlog.get_logger()
_STORE_RETRY_SECONDS = 1.0
_SET_ASIDE_BEFORE = {
    Consumption.PARKED_ALREADY: "message is parked already",
    Consumption.ENDED_ALREADY: "message was parked before, and has ended",
}
_ALONE_FROM_DELIVERY = 3
"""From here on a message shares its transaction with no other, so that it cannot spoil theirs."""


class InboundServing:
    """Serves what was fetched together, in its order, until `stopping` is set.

    A message for a batch that does not exist is asked for again during `unknown_wait_seconds`, then parked. One that was
    delivered more than `deliveries_max` times is parked without being carried out.
    """

    def __init__(
        self,
        group_commit: GroupCommit,
        new_id: Callable[[], str],
        stopping: asyncio.Event,
        *,
        unknown_wait_seconds: float,
        deliveries_max: int,
    ) -> None:
        self._group_commit = group_commit
        self._new_id = new_id
        self._stopping = stopping
        self._unknown_wait_seconds = unknown_wait_seconds
        self._deliveries_max = deliveries_max
        self._early_since: dict[int, float] = {}

    def begin_anew(self) -> None:
        """Forget which messages wait for their batch: a sequence may mean another message from now on."""
        self._early_since.clear()

    async def serve(self, deliveries: Sequence[Delivery], incarnation: int) -> bool:
        """Carry out what was fetched, in its order; False if the stream turned out to be in another life."""
        answering = []
        try:
            for delivery in deliveries:
                envelope = self._translate(delivery, incarnation)
                answer = await self._enqueue(delivery, envelope)
                answering.append(self._answer(delivery, envelope, answer))
        finally:
            consumptions = await asyncio.gather(*answering)
        return Consumption.OTHER_LIFE not in consumptions

    def _translate(self, delivery: Delivery, incarnation: int) -> Envelope:
        envelope = envelope_of(delivery.message, incarnation, self._new_id)
        if delivery.message.deliveries > self._deliveries_max and not isinstance(envelope.command, Park):
            detail = f"delivered {delivery.message.deliveries} times, the limit is {self._deliveries_max}"
            return replace(envelope, command=Park(ParkingReason.TOO_MANY_DELIVERIES, detail))
        return envelope

    async def _enqueue(self, delivery: Delivery, envelope: Envelope) -> asyncio.Future[Any]:
        # One that only waits for its batch was carried out before, and has spoilt nothing.
        alone = delivery.message.deliveries >= _ALONE_FROM_DELIVERY and delivery.message.sequence not in self._early_since
        return await self._group_commit.enqueue(envelope, alone=alone)

    async def _answer(self, delivery: Delivery, envelope: Envelope, answer: asyncio.Future[Consumption]) -> Consumption | None:
        """Wait for the commit of a message and tell the broker; None if that was left to a redelivery."""
        try:
            consumption = await self._held_while_store_is_away(delivery, envelope, answer)
        except ShuttingDownError:
            return None
        except (OutcomeUnknownError, CrashedError):
            # Neither done nor parked, as far as we know: the inbox decides when it comes again.
            await delivery.retry(delay_seconds(delivery.message.deliveries))
            return None
        if consumption is Consumption.EARLY:
            return await self._wait_for_batch(delivery, envelope)
        self._early_since.pop(delivery.message.sequence, None)
        if consumption is Consumption.OTHER_LIFE:
            await delivery.retry(0)
        elif consumption is Consumption.PARKED or consumption in _SET_ASIDE_BEFORE:
            await self._terminate(delivery, envelope.command, consumption)
        else:
            await delivery.ack()
        return consumption

    async def _held_while_store_is_away(
        self, delivery: Delivery, envelope: Envelope, answer: asyncio.Future[Consumption]
    ) -> Consumption:
        while True:
            try:
                return await answer
            except StoreUnavailableError:
                if self._stopping.is_set():
                    raise ShuttingDownError from None
                await delivery.keep()
                await self._pause()
                answer = await self._enqueue(delivery, envelope)

    async def _wait_for_batch(self, delivery: Delivery, envelope: Envelope) -> Consumption | None:
        """Ask for a message again whose batch may still be created; park it when that has taken too long."""
        message = delivery.message
        waited_seconds = _now() - self._early_since.setdefault(message.sequence, _now())
        if waited_seconds < self._unknown_wait_seconds:
            await delivery.retry(delay_seconds(message.deliveries))
            return Consumption.EARLY
        detail = f"its batch is unknown after {self._unknown_wait_seconds:g} seconds: {envelope.command}"
        parking = replace(envelope, command=Park(ParkingReason.UNKNOWN_BATCH, detail))
        return await self._answer(delivery, parking, await self._enqueue(delivery, parking))

    async def _terminate(self, delivery: Delivery, command: object, consumption: Consumption) -> None:
        message = delivery.message
        reason = command.reason if isinstance(command, Park) else ParkingReason.IDENTITY_REUSED
        if before := _SET_ASIDE_BEFORE.get(consumption):
            log.info(before, subject=message.subject, sequence=message.sequence)
        else:
            log.warning("message parked", subject=message.subject, sequence=message.sequence, reason=reason.value)
        await delivery.terminate("parked" if before and not isinstance(command, Park) else reason.value)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_STORE_RETRY_SECONDS):
                await self._stopping.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
