"""Parked messages: what there is of them; only looks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from allocation.adapters.sql.parked_reader import ParkedReader, ParkedWhere
from allocation.adapters.sql.sqlite import open_for_reading
from allocation.adapters.startup_error import StartupError
from allocation.operators.database import database_to_look_into, is_in_memory
from allocation.operators.parked_message import decoded, written

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from allocation.adapters.sql.parked_reader import KeptMessage
    from allocation.service_layer.records import ParkedMessage, StreamPlace
    from allocation.settings import Settings


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


async def _found(settings: Settings, where: ParkedWhere, batch_reference: str | None) -> AsyncIterator[KeptMessage]:
    async with open_for_reading(database_to_look_into(settings)) as engine:
        async for kept in ParkedReader(engine).find(where):
            if batch_reference is None or (decoded(kept.message)[1] or {}).get("batch_reference") == batch_reference:
                yield kept
