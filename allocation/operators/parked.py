"""Parked messages: what there is, what is in them, and what becomes of them when they are replayed or discarded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stock.allocation.admin.v1 import admin_service_pb2 as messages

from allocation.adapters.sql.parked_reader import ParkedReader, ParkedWhere
from allocation.adapters.sql.sqlite import open_for_reading
from allocation.adapters.startup_error import StartupError
from allocation.operators.database import database_to_look_into, is_in_memory
from allocation.operators.mending import mending
from allocation.operators.parked_message import decoded, written
from allocation.service_layer.records import StreamPlace

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
    from datetime import datetime

    from allocation.adapters.sql.parked_reader import KeptMessage
    from allocation.service_layer.records import ParkedMessage
    from allocation.settings import Settings

PORTION_MESSAGES = 100
"""How many are asked for in one request: few enough that progress is seen, and that a request ends in time."""
_PORTION_SECONDS = 120.0
_STILL_PARKED = messages.REPLAY_OUTCOME_STILL_PARKED


@dataclass
class Group:
    """The messages that were parked for one reason."""

    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    subjects: set[str] = field(default_factory=set)

    def add(self, message: ParkedMessage) -> None:
        """Take up another one."""
        self.count += 1
        self.first = min(self.first or message.parked_at, message.parked_at)
        self.last = max(self.last or message.parked_at, message.parked_at)
        self.subjects.add(message.subject)


@dataclass
class Listing:
    """Every group by its reason, and the messages up to a limit, in the order of their streams."""

    groups: dict[str, Group] = field(default_factory=dict)
    shown: list[KeptMessage] = field(default_factory=list)
    with_ended: bool = False
    others: int | None = None
    """How many there are that were not looked for; None: that was not counted, since some were found."""

    @property
    def total(self) -> int:
        """How many messages there are, shown or not."""
        return sum(group.count for group in self.groups.values())


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


async def listing(
    settings: Settings, where: ParkedWhere, batch_reference: str | None, outcome: str | None, limit: int
) -> Listing:
    """Look at the parked messages, whether a service runs or not; with an `outcome` at those that ended so.

    Raises:
        StartupError: there is no database, or it cannot be read.
        StoreUnavailableError: it stopped answering.

    """
    found = Listing(with_ended=where.with_ended)
    async for kept in _found(settings, where, batch_reference):
        if outcome is not None and (kept.ending is None or kept.ending.outcome != outcome):
            continue
        found.groups.setdefault(kept.message.reason.value, Group()).add(kept.message)
        if len(found.shown) < limit:
            found.shown.append(kept)
    if not found.groups:
        found.others = await count(settings, with_ended=where.with_ended)
    return found


async def count(settings: Settings, *, with_ended: bool = False) -> int:
    """Count all that are parked, or were. Raises as `listing`."""
    return len([None async for _ in _found(settings, ParkedWhere(with_ended=with_ended), None)])


async def places_where(settings: Settings, where: ParkedWhere, batch_reference: str | None) -> list[StreamPlace]:
    """Find messages that are parked. Raises as `listing`."""
    return [kept.message.place async for kept in _found(settings, where, batch_reference)]


async def kept_at(settings: Settings, places: Sequence[StreamPlace]) -> list[KeptMessage]:
    """Look at messages by their places, each of them parked now or before.

    Raises:
        StartupError: there is no database, or it cannot be read; or a message never was parked.
        StoreUnavailableError: it stopped answering.

    """
    async with open_for_reading(database_to_look_into(settings)) as engine:
        reader = ParkedReader(engine)
        found = [(place, await reader.at(place)) for place in places]
    for place, kept in found:
        if kept is None:
            raise StartupError(
                f"no message {written(place)} was ever parked; `allocation parked list --all` lists those that were"
            )
    return [kept for _, kept in found if kept is not None]


async def require_known(settings: Settings, places: Sequence[StreamPlace]) -> None:
    """Refuse a place of which nothing is known, before anything is done. Raises as `kept_at`."""
    # A store in memory cannot be looked at from here.
    if not is_in_memory(settings):
        await kept_at(settings, places)


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


async def _found(settings: Settings, where: ParkedWhere, batch_reference: str | None) -> AsyncIterator[KeptMessage]:
    async with open_for_reading(database_to_look_into(settings)) as engine:
        async for kept in ParkedReader(engine).find(where):
            if batch_reference is None or (decoded(kept.message)[1] or {}).get("batch_reference") == batch_reference:
                yield kept


def _message(place: StreamPlace) -> messages.ParkedPlace:
    return messages.ParkedPlace(stream=place.stream, incarnation=place.incarnation, sequence=place.sequence)
