"""The NATS door: fetches other services' events and has them served, one fetch after the other."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from allocation.entrypoints.inbound_serving import InboundServing
from allocation.service_layer.envelope import Envelope
from allocation.service_layer.errors import CrashedError, ShuttingDownError
from allocation.service_layer.housekeeping import ObserveStream
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError
from allocation.service_layer.streams import BrokerUnavailableError, StreamMismatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from allocation.service_layer.group_commit import GroupCommit
    from allocation.service_layer.records import KnownStream, ObservedStream
    from allocation.service_layer.streams import Delivery, InboundStream

log = structlog.get_logger()
_RETRY_SECONDS_FIRST, _RETRY_SECONDS_MAX = 0.1, 5.0
_TRIM_SECONDS = 10.0
_ASKED_TIMES_MAX = 3


class NatsConsumer:
    """Consumes the inbound stream, `fetch_messages_max` messages at a time; the other limits are those of `InboundServing`."""

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
        self._fetch_messages_max = fetch_messages_max
        self._behind_floor = 0
        self._unanswered = 0
        self._stopping = asyncio.Event()
        self._serving = InboundServing(
            group_commit,
            new_id,
            self._stopping,
            unknown_wait_seconds=unknown_wait_seconds,
            deliveries_max=deliveries_max,
        )

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
        self._serving.begin_anew()
        known = await self._observed(ObserveStream(state))
        if known.last_stored_at is not None:
            # An older copy of the stream that was put back, and has grown since, is told by its messages alone.
            known = await self._observed(ObserveStream(state, last_stored_at=await self._stored_at(known)))
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

    async def _stored_at(self, known: KnownStream) -> int | None:
        """Ask when the message was stored that is where the last was consumed; None: it is not there, or nobody may ask.

        A broker that does not answer is asked again: in an older copy that is not known as one, new messages pass for old ones.
        Where permissions do not allow the question, the broker does not answer it either, and the service is to serve.
        """
        try:
            stored_at = await self._inbound.stored_at(known.last_sequence)
        except BrokerUnavailableError as error:
            self._unanswered += 1
            if self._unanswered < _ASKED_TIMES_MAX:
                raise
            log.warning(
                "whether the inbound stream is an older copy cannot be told",
                error=str(error),
                permission=f"$JS.API.STREAM.MSG.GET.{known.name}",
            )
            return None
        self._unanswered = 0
        return stored_at

    async def _observed(self, command: ObserveStream) -> KnownStream:
        observed: ObservedStream = await (await self._group_commit.enqueue(Envelope(command, "", "")))
        if observed.is_another:
            log.warning(
                "the inbound stream was made anew, or is an older copy: publishers may have to send again what it lacks",
                stream=observed.known.name,
                incarnation=observed.known.incarnation,
            )
        return observed.known

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
            if not await self._serving.serve(deliveries, incarnation):
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

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
