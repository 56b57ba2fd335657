"""The door out: publishes committed events in their order, and forgets them when the broker has them.

It never waits in an RPC's way, and never sends what the stream already holds: after a start and after any doubt it reads the
stream first.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from allocation.service_layer.envelope import Envelope
from allocation.service_layer.errors import CrashedError, ShuttingDownError
from allocation.service_layer.housekeeping import MarkPublished, ObserveStream
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError
from allocation.service_layer.streams import BrokerUnavailableError, StreamMismatchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocation.service_layer.group_commit import GroupCommit
    from allocation.service_layer.records import KnownStream, ObservedStream
    from allocation.service_layer.streams import EventStream, OutboxEvent
    from allocation.service_layer.views import Reader

log = structlog.get_logger()
_RETRY_SECONDS_FIRST, _RETRY_SECONDS_MAX = 0.1, 5.0
_IDS_AT_ONCE = 500
_ASKED_TIMES_MAX = 3
_LOOK_AGAIN_SECONDS = 30.0
"""A stream that was deleted while nothing happened is made anew after this: its consumers wait for it."""


class OutboxRelay:
    """Publishes the outbox, at most `publish_events_max` events at a time; one relay a database."""

    def __init__(
        self,
        group_commit: GroupCommit,
        reader: Reader,
        stream: EventStream,
        *,
        publish_events_max: int,
        poll_seconds: float,
    ) -> None:
        self._group_commit = group_commit
        self._reader = reader
        self._stream = stream
        self._publish_events_max = publish_events_max
        self._poll_seconds = poll_seconds
        self._woken = asyncio.Event()
        self._drained = asyncio.Event()
        self._retry_seconds = _RETRY_SECONDS_FIRST
        self._last: tuple[int, str | None] = (0, None)
        self._strange_in = 0
        self._unanswered = 0

    def wake(self) -> None:
        """Say that there is something to publish."""
        self._drained.clear()
        self._woken.set()

    async def drain(self) -> None:
        """Wait until the outbox was seen empty; for ever while the broker is away."""
        await self._drained.wait()

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            try:
                await self._publish_for_a_while(await self._reconcile())
            except ShuttingDownError:
                return
            except StreamMismatchError as error:
                log.warning("event stream does not fit, trying again", difference=str(error))
            except (BrokerUnavailableError, StoreUnavailableError, OutcomeUnknownError, CrashedError) as error:
                log.warning("relay stopped, trying again", error=str(error), retry_seconds=self._retry_seconds)
            else:
                continue
            await asyncio.sleep(self._retry_seconds)
            self._retry_seconds = min(self._retry_seconds * 2, _RETRY_SECONDS_MAX)

    async def _reconcile(self) -> KnownStream:
        """Forget every event that the stream holds already, by reading it above what it is known to hold."""
        state = await self._stream.bind()
        observed: ObservedStream = await self._submit(ObserveStream(state))
        if observed.known.last_event_id is not None:
            # An older copy of the stream that was put back, and has grown since, is told by its events alone.
            there = await self._id_there(observed.known)
            observed = await self._submit(ObserveStream(state, last_event_id=there))
        known = observed.known
        if observed.is_another:
            log.warning(
                "the event stream was made anew, or is an older copy: what it lacks is found and sent again by the commands",
                stream=known.name,
                incarnation=known.incarnation,
                commands=["allocation outbox verify", "allocation outbox re-emit"],
            )
        self._last = known.last_sequence, known.last_event_id
        unknown = await self._forget_what_is_there(known, state.last_sequence) if state.last_sequence > self._last[0] else 0
        if unknown and not observed.is_another and self._strange_in != known.incarnation:
            self._strange_in = known.incarnation  # Where others publish too, once is enough.
            log.warning(
                "the event stream holds events that the log does not: the database may be an older copy",
                stream=known.name,
                events=unknown,
                command="allocation outbox verify",
            )
        return known

    async def _id_there(self, known: KnownStream) -> str | None:
        """Ask which event is where the last was published; None: none is, or nobody may ask.

        A broker that does not answer is asked again. Where permissions do not allow the question it never answers, and events
        are to go out.
        """
        try:
            event_id = await self._stream.id_at(known.last_sequence)
        except BrokerUnavailableError as error:
            self._unanswered += 1
            if self._unanswered < _ASKED_TIMES_MAX:
                raise
            log.warning(
                "whether the event stream is an older copy cannot be told",
                error=str(error),
                permission=f"$JS.API.STREAM.MSG.GET.{known.name}",
            )
            return None
        self._unanswered = 0
        return event_id

    async def _forget_what_is_there(self, known: KnownStream, last_sequence: int) -> int:
        """Forget events that the stream holds above what is known, and answer how many of them the log does not have."""
        unknown, found = 0, list[tuple[int, str]]()
        async for sequence, event_id in self._stream.ids_above(known.last_sequence):
            found.append((sequence, event_id))
            if len(found) == _IDS_AT_ONCE:
                unknown += await self._forget_found(known, found, sequence)
                found.clear()
        return unknown + await self._forget_found(known, found, last_sequence)

    async def _publish_for_a_while(self, known: KnownStream) -> None:
        """Publish until nothing waits and the stream was not looked at for a time, or until it counts from lower again."""
        highest, look_again_at = self._last[0], _now() + _LOOK_AGAIN_SECONDS
        while True:
            sequence = await self._publish_some(known)
            self._retry_seconds = _RETRY_SECONDS_FIRST
            if sequence is None and _now() >= look_again_at:
                return
            if sequence is None:
                await self._wait()
            elif sequence <= highest:
                log.info("the event stream counts from lower again, looking at it anew", sequence=sequence)
                return
            else:
                highest = sequence

    async def _publish_some(self, known: KnownStream) -> int | None:
        """Publish what waits, and answer the stream sequence of the last of it; None: nothing waits."""
        self._woken.clear()
        events: Sequence[OutboxEvent] = await self._reader.outbox(self._publish_events_max)
        if not events:
            if not self._woken.is_set():
                self._drained.set()
            return None
        sequence = await self._stream.publish(events)
        if await self._is_put_back(sequence - len(events)):
            return 0
        await self._forget(known, [event.position for event in events], sequence, events[-1].event_id)
        return sequence

    async def _is_put_back(self, ended: int) -> bool:
        """Whether a stream that ended there has another event where the last one was published: then it is an older copy.

        Where duplicates were sent it may have ended later.
        """
        sequence, event_id = self._last
        if event_id is None or ended >= sequence:
            return False
        found = await self._stream.id_at(sequence)
        return found is not None and found != event_id

    async def _forget_found(self, known: KnownStream, found: Sequence[tuple[int, str]], sequence: int) -> int:
        event_ids = [event_id for _, event_id in found]
        positions = await self._reader.outbox_positions(event_ids)
        if positions:
            log.info("events were published before", events=len(positions), stream=known.name)
        await self._forget(known, positions, sequence, dict(found).get(sequence))
        return len(set(event_ids)) - await self._reader.logged_count(event_ids)

    async def _forget(self, known: KnownStream, positions: Sequence[int], sequence: int, event_id: str | None) -> None:
        await self._submit(MarkPublished(known.name, known.incarnation, sequence, tuple(positions), event_id))
        if sequence > self._last[0]:
            self._last = sequence, event_id

    async def _submit(self, command: ObserveStream | MarkPublished) -> Any:  # noqa: ANN401 - each has an answer of its own type
        return await (await self._group_commit.enqueue(Envelope(command, "", "")))

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._poll_seconds):
                await self._woken.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
