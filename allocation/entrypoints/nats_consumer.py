"""The NATS door: fetches other services' events, translates them into commands, and answers each after its commit."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from allocation.entrypoints.inbound_envelope import envelope_of
from allocation.entrypoints.redelivery import delay_seconds
from allocation.service_layer.envelope import Envelope
from allocation.service_layer.errors import CrashedError, ShuttingDownError
from allocation.service_layer.housekeeping import ObserveStream, Park, ParkingReason
from allocation.service_layer.inbox import Consumption
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError
from allocation.service_layer.streams import BrokerUnavailableError, StreamMismatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from allocation.service_layer.group_commit import GroupCommit
    from allocation.service_layer.records import KnownStream
    from allocation.service_layer.streams import Delivery, InboundStream

log = structlog.get_logger()
_RETRY_SECONDS_FIRST, _RETRY_SECONDS_MAX = 0.1, 5.0
_STORE_RETRY_SECONDS = 1.0
_TRIM_SECONDS = 10.0
_ALONE_FROM_DELIVERY = 3
"""From here on a message shares its transaction with no other, so that it cannot spoil theirs."""


class NatsConsumer:
    """Consumes the inbound stream, `fetch_messages_max` messages at a time.

    A message for a batch that does not exist is asked for again during `unknown_wait_seconds`, then parked. One that was
    delivered more than `deliveries_max` times is parked without being carried out.
    """

    def __init__(  # noqa: PLR0913 - the parts it is made of, and its limits by keyword
        self,
        group_commit: GroupCommit,
        inbound: InboundStream,
        new_id: Callable[[], str],
        *,
        fetch_messages_max: int,
        unknown_wait_seconds: float,
        deliveries_max: int,
    ) -> None:
        self._group_commit = group_commit
        self._inbound = inbound
        self._new_id = new_id
        self._fetch_messages_max = fetch_messages_max
        self._unknown_wait_seconds = unknown_wait_seconds
        self._deliveries_max = deliveries_max
        self._early_since: dict[int, float] = {}
        self._behind_floor = 0
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Fetch no more; `run` ends when what was fetched is answered."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until stopped."""
        retry_seconds = _RETRY_SECONDS_FIRST
        while not self._stopping.is_set():
            try:
                known = await self._bind()
                retry_seconds = _RETRY_SECONDS_FIRST
                await self._consume(known.incarnation)
            except ShuttingDownError:
                return
            except StreamMismatchError as error:
                log.warning("inbound stream does not fit, trying again", difference=str(error))
            except (BrokerUnavailableError, StoreUnavailableError, OutcomeUnknownError, CrashedError) as error:
                log.warning("consumer stopped, trying again", error=str(error), retry_seconds=retry_seconds)
            else:
                continue
            await self._pause(retry_seconds)
            retry_seconds = min(retry_seconds * 2, _RETRY_SECONDS_MAX)

    async def _bind(self) -> KnownStream:
        state = await self._inbound.bind()
        self._early_since.clear()
        known: KnownStream = await (await self._group_commit.enqueue(Envelope(ObserveStream(state), "", "")))
        if known.is_behind(state.ack_floor) and state.ack_floor != self._behind_floor:
            self._behind_floor = state.ack_floor
            log.warning(
                "the database is behind its consumer: it may be an older copy",
                stream=known.name,
                consumed_through=known.last_sequence,
                acknowledged_through=state.ack_floor,
                command=f"allocation consumer reset --from-sequence {known.last_sequence + 1}",
            )
        return known

    async def _consume(self, incarnation: int) -> None:
        """Consume until stopped, or until the stream may have begun another life."""
        highest, trim_at = 0, _now() + _TRIM_SECONDS
        while not self._stopping.is_set():
            if _now() >= trim_at:
                await self._inbound.trim()
                trim_at = _now() + _TRIM_SECONDS
            deliveries = await self._fetch()
            new = [delivery.message.sequence for delivery in deliveries if delivery.message.deliveries == 1]
            if new and min(new) <= highest:
                log.info("the inbound stream counts from lower again, looking at it anew", sequence=min(new))
                for delivery in deliveries:
                    await delivery.retry(0)
                return
            highest = max(new, default=highest)
            if not await self._serve(deliveries, incarnation):
                return

    async def _fetch(self) -> Sequence[Delivery]:
        fetching = asyncio.ensure_future(self._inbound.fetch(self._fetch_messages_max))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({fetching, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return await fetching if fetching.done() else ()
        finally:
            stopping.cancel()
            if not fetching.done():
                fetching.cancel()
                await asyncio.wait({fetching})

    async def _serve(self, deliveries: Sequence[Delivery], incarnation: int) -> bool:
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
        elif consumption is Consumption.PARKED:
            await self._terminate(delivery, envelope.command)
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
                await self._pause(_STORE_RETRY_SECONDS)
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

    async def _terminate(self, delivery: Delivery, command: object) -> None:
        message = delivery.message
        reason = command.reason.value if isinstance(command, Park) else "parked"
        log.warning("message parked", subject=message.subject, sequence=message.sequence, reason=reason)
        await delivery.terminate(reason)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
