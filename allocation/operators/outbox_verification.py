"""The log laid beside the event stream: which of its events the stream does not have; only looks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from allocation.adapters.sql.outbox_reader import OutboxReader
from allocation.adapters.sql.sqlite import open_for_reading
from allocation.operators.broker import connected
from allocation.operators.database import database_to_look_into
from allocation.operators.event_stream import event_stream_state, reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from allocation.adapters.sql.outbox_reader import PublicEvent
    from allocation.service_layer.streams import StreamState
    from allocation.settings import Settings

IDS_AT_ONCE = 500
SENT_AGAIN_AFTER = timedelta(hours=1)
"""An event that was stored so long after it happened was sent again, or late: its place in the stream says nothing."""


class Marks:
    """One bit for each position of the log: ten million take little more than a megabyte."""

    def __init__(self, through: int) -> None:
        self._bits = bytearray(through // 8 + 1)
        self.through = through
        self.count = 0

    def add(self, position: int) -> bool:
        """Mark a position, and answer whether it was not marked before; those above `through` are never marked."""
        if position > self.through or position in self:
            return False
        self._bits[position >> 3] |= 1 << (position & 7)
        self.count += 1
        return True

    def __contains__(self, position: int) -> bool:
        return position <= self.through and bool(self._bits[position >> 3] & (1 << (position & 7)))


@dataclass
class Stored:
    """A message of the stream."""

    sequence: int
    event_id: str


@dataclass
class Verification:
    """What the log has and the stream has not, as of the position up to which the log was looked at.

    Lists end at `shown_max`; the counts do not. `forgotten` were on the stream once: it forgets by age and size.
    """

    stream: StreamState
    on_stream: Marks
    waiting: Marks
    shown_max: int
    since: datetime | None = None
    stored: int = 0
    first_held: PublicEvent | None = None
    missing: int = 0
    forgotten: int = 0
    twice: int = 0
    unknown: int = 0
    missing_shown: list[PublicEvent] = field(default_factory=list)
    twice_shown: list[Stored] = field(default_factory=list)
    unknown_shown: list[Stored] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether log and stream have the same events."""
        return not self.missing and not self.unknown

    def is_absent(self, event: PublicEvent) -> bool:
        """Whether an event is neither on the stream nor about to be."""
        return event.position not in self.on_stream and event.position not in self.waiting

    def was_forgotten(self, event: PublicEvent) -> bool:
        """Whether an event that is absent is older than the first message that the stream still holds.

        The log tells by its order, unless that first message was sent again long after it happened: then its time does.
        """
        if self.stream.first_sequence <= 1:
            return False
        if self.stored == 0:
            return True  # All that it had was forgotten, or purged.
        since, first = self.stream.holds_since, self.first_held
        if since is not None and (first is None or since - first.occurred_at > SENT_AGAIN_AFTER):
            return event.occurred_at < since
        return first is not None and event.position < first.position


async def stream_messages(settings: Settings) -> int:
    """Count about how many messages there are to read. Raises as `verify`."""
    database_to_look_into(settings)  # Without one nothing is read at all.
    async with connected(settings) as connection:
        state = await event_stream_state(connection, settings)
    return max(0, state.last_sequence - max(state.first_sequence, 1) + 1)


async def verify(
    settings: Settings,
    *,
    since: datetime | None,
    shown_max: int,
    progressed: Callable[[int], None] = lambda _: None,
) -> Verification:
    """Find which events of the log the stream does not have, whether a service runs or not; only looks.

    What waits in the outbox is noted first: what is published meanwhile is then found on the stream, which is read later.
    `progressed` is told how many more messages were read.

    Raises:
        StartupError: there is no database, or no stream.
        BrokerUnavailableError: the broker is away.

    """
    async with open_for_reading(database_to_look_into(settings)) as engine, connected(settings) as connection:
        reader = OutboxReader(engine)
        through = await reader.last_position()
        waiting = Marks(through)
        async for position in reader.waiting_positions(through):
            waiting.add(position)
        state = await event_stream_state(connection, settings)
        verification = Verification(state, Marks(through), waiting, shown_max, since)
        events = await reading(connection, state.name)
        portion: list[Stored] = []
        async for sequence, event_id in events.ids_above(0):
            portion.append(Stored(sequence, event_id))
            if len(portion) == IDS_AT_ONCE:
                await _look_up(portion, reader, verification)
                portion.clear()
                progressed(IDS_AT_ONCE)
        await _look_up(portion, reader, verification)
        await _count_absent(reader, verification)
    return verification


async def _look_up(portion: list[Stored], reader: OutboxReader, verification: Verification) -> None:
    if not portion:
        return
    positions = await reader.positions_of([stored.event_id for stored in portion])
    if verification.stored == 0:
        first = portion[0].event_id
        verification.first_held = (await reader.by_ids([first])).get(first)
    verification.stored += len(portion)
    marks = verification.on_stream
    for stored in portion:
        position = positions.get(stored.event_id)
        if position is None:
            verification.unknown += 1
            _show(verification.unknown_shown, stored, verification.shown_max)
        elif not marks.add(position) and position <= marks.through:
            verification.twice += 1
            _show(verification.twice_shown, stored, verification.shown_max)


async def _count_absent(reader: OutboxReader, verification: Verification) -> None:
    async for event in reader.public_events(verification.waiting.through, verification.since):
        if not verification.is_absent(event):
            continue
        if verification.was_forgotten(event):
            verification.forgotten += 1
        else:
            verification.missing += 1
            if len(verification.missing_shown) < verification.shown_max:
                verification.missing_shown.append(event)


def _show(shown: list[Stored], stored: Stored, shown_max: int) -> None:
    if len(shown) < shown_max:
        shown.append(stored)
