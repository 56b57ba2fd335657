"""What is done with parked messages: they are replayed or discarded, a portion at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stock.allocation.admin.v1 import admin_service_pb2 as messages

from allocation.operators.mending import mending
from allocation.service_layer.records import StreamPlace

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from allocation.settings import Settings

PORTION_MESSAGES = 100
"""How many are asked for in one request: few enough that progress is seen, and that a request ends in time."""
_PORTION_SECONDS = 120.0
_STILL_PARKED = messages.REPLAY_OUTCOME_STILL_PARKED


@dataclass(frozen=True)
class Replayed:
    """What became of one message: the outcome in one word, and in a sentence where that does not say it."""

    place: StreamPlace
    outcome: str
    detail: str

    @property
    def is_still_parked(self) -> bool:
        """Whether it waits as before."""
        return self.outcome == outcome_word(_STILL_PARKED)


@dataclass(frozen=True)
class Discarded:
    """How many messages of a portion there were, and how many of them were parked until now."""

    asked: int
    discarded: int


def outcome_word(outcome: messages.ReplayOutcome) -> str:
    """Name an outcome as it is kept with the message."""
    return messages.ReplayOutcome.Name(outcome).removeprefix("REPLAY_OUTCOME_").lower()


async def replay(
    settings: Settings, places: Sequence[StreamPlace], asking: Callable[[int], None], progressed: Callable[[int], None]
) -> AsyncGenerator[Replayed, None]:
    """Replay messages in the order of their streams; `progressed` is told how many more are done with.

    `asking` is told before that of how many more it is asked: those may have been done, also if nobody answers.

    Raises:
        StartupError: the state cannot be reached.
        grpc.aio.AioRpcError: the service did not carry it out to the end; what it said so far stands.

    """
    async with mending(settings) as stub:
        for portion in portions(sorted(set(places))):
            request = messages.ReplayParkedRequest(places=map(_message, portion))
            asking(len(portion))
            answer = await stub.ReplayParked(request, timeout=_PORTION_SECONDS)
            progressed(len(portion))
            for one in answer.replays:
                place = StreamPlace(one.place.stream, one.place.incarnation, one.place.sequence)
                yield Replayed(place, outcome_word(one.outcome), one.detail)


async def discard(
    settings: Settings,
    places: Sequence[StreamPlace],
    reason: str,
    asking: Callable[[int], None],
    progressed: Callable[[int], None],
) -> AsyncIterator[Discarded]:
    """Discard messages for a reason, a portion at a time; tells as `replay` does, and raises as it does."""
    async with mending(settings) as stub:
        for portion in portions(sorted(set(places))):
            request = messages.DiscardParkedRequest(places=map(_message, portion), reason=reason)
            asking(len(portion))
            answer = await stub.DiscardParked(request, timeout=_PORTION_SECONDS)
            progressed(len(portion))
            yield Discarded(len(portion), answer.discarded)


def portions(places: Sequence[StreamPlace]) -> list[Sequence[StreamPlace]]:
    """Cut places into as many requests as it takes."""
    return [places[begin : begin + PORTION_MESSAGES] for begin in range(0, len(places), PORTION_MESSAGES)]


def _message(place: StreamPlace) -> messages.ParkedPlace:
    return messages.ParkedPlace(stream=place.stream, incarnation=place.incarnation, sequence=place.sequence)
