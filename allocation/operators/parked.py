"""Parked messages: what there is, what is in them, and what becomes of them when they are replayed or discarded."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.message import DecodeError
from stock.allocation.admin.v1 import admin_service_pb2 as messages

from allocation.adapters.sql.parked_reader import ParkedReader
from allocation.adapters.sql.sqlite import open_for_reading
from allocation.adapters.startup_error import StartupError
from allocation.connections import existing_database
from allocation.contract.cloudevents import decode_headers
from allocation.contract.inward import message_type_of
from allocation.operators.mending import mending
from allocation.service_layer.records import StreamPlace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from allocation.adapters.sql.parked_reader import KeptMessage, ParkedWhere
    from allocation.service_layer.records import ParkedMessage
    from allocation.settings import Settings

PORTION_MESSAGES = 100
"""How many are asked for in one request: few enough that progress is seen, and that a request ends in time."""
_PORTION_SECONDS = 120.0
_STILL_PARKED = messages.REPLAY_OUTCOME_STILL_PARKED
_PLACE = re.compile(r"([^/]{1,256})/([1-9][0-9]{0,9})/([1-9][0-9]{0,18})")
_INCARNATION_MAX, _SEQUENCE_MAX = 2**31 - 1, 2**63 - 1


class PlaceError(ValueError):
    """A text that names no place of a stream."""


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


def place_of(text: str) -> StreamPlace:
    """Read a place as it is written here: stream/incarnation/sequence.

    Raises:
        PlaceError: it is none.

    """
    found = _PLACE.fullmatch(text)
    if found is None or int(found[2]) > _INCARNATION_MAX or int(found[3]) > _SEQUENCE_MAX:
        raise PlaceError(f"{text!r} is no place of a message: write it as it is listed, e.g. ALLOCATION_INBOUND/1/42")
    return StreamPlace(found[1], int(found[2]), int(found[3]))


def written(place: StreamPlace) -> str:
    """Write a place as one word that can be copied."""
    return "/".join(map(str, place))


def outcome_word(outcome: messages.ReplayOutcome) -> str:
    """Name an outcome as it is kept with the message."""
    return messages.ReplayOutcome.Name(outcome).removeprefix("REPLAY_OUTCOME_").lower()


def decoded(message: ParkedMessage) -> tuple[str, dict[str, Any] | None]:
    """Answer the message type of the subject, and the content if the payload can be read as one; "" for unknown subjects."""
    name = message_type_of(message.subject)
    if name is None:
        return "", None
    message_class = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))
    try:
        return name, json_format.MessageToDict(message_class.FromString(message.payload), preserving_proto_field_name=True)
    except (DecodeError, json_format.Error, ValueError):
        # A time beyond the calendar can be received, and cannot be written.
        return name, None


def headers_of(message: ParkedMessage) -> Mapping[str, str]:
    """Answer the headers as they were sent."""
    headers: dict[str, str] = json.loads(message.headers)
    return headers


def concerns(message: ParkedMessage) -> str:
    """Name the batch or the order that a message is about; "" if that cannot be read."""
    content = decoded(message)[1] or {}
    return content.get("batch_reference") or content.get("order_id") or ""


def advice(message: ParkedMessage) -> list[str]:
    """Say what an operator can do about a message that is parked, ending with the command to copy."""
    place = written(message.place)
    publisher = decode_headers(headers_of(message)).get("ce-source")
    sender = f"its publisher ({publisher})" if publisher else "its publisher"
    discard = f"allocation parked discard {place} --reason '...'"
    replay = f"allocation parked replay {place}"
    match message.reason.value:
        case "unknown_batch":
            batch = concerns(message)
            return [f"When batch {batch!r} exists, replay it; if it never will, discard it.", replay, discard]
        case "too_many_deliveries":
            return ["See in the service's log why it was never done with; once that is mended, replay it.", replay]
        case "identity_reused":
            return [
                f"Have {sender} send it under a ce-id of its own, then discard this one.",
                discard,
            ]
        case "unknown_subject":
            return ["A later release may know the subject: then replay it. Else discard it.", replay, discard]
        case _:
            return [f"It cannot be asked as it is: have {sender} send it anew, corrected, then discard this one.", discard]


async def listing(settings: Settings, where: ParkedWhere, batch_reference: str | None, limit: int) -> Listing:
    """Look at the parked messages, whether a service runs or not.

    Raises:
        StartupError: there is no database, or it cannot be read.
        StoreUnavailableError: it stopped answering.

    """
    found = Listing()
    async for kept in _found(settings, where, batch_reference):
        found.groups.setdefault(kept.message.reason.value, Group()).add(kept.message)
        if len(found.shown) < limit:
            found.shown.append(kept)
    return found


async def places_where(settings: Settings, where: ParkedWhere, batch_reference: str | None) -> list[StreamPlace]:
    """Find messages that are parked. Raises as `listing`."""
    return [kept.message.place async for kept in _found(settings, where, batch_reference)]


async def kept_at(settings: Settings, places: Sequence[StreamPlace]) -> list[KeptMessage]:
    """Look at messages by their places, each of them parked now or before.

    Raises:
        StartupError: there is no database, or it cannot be read; or a message never was parked.
        StoreUnavailableError: it stopped answering.

    """
    async with open_for_reading(existing_database(settings)) as engine:
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
    if not settings.database_url.startswith("memory:"):
        await kept_at(settings, places)


async def replay(
    settings: Settings, places: Sequence[StreamPlace], progressed: Callable[[int], None]
) -> AsyncIterator[Replayed]:
    """Replay messages in the order of their streams; `progressed` is told how many more are done with.

    Raises:
        StartupError: the state cannot be reached.
        grpc.aio.AioRpcError: the service did not carry it out to the end; what it said so far stands.

    """
    async with mending(settings) as stub:
        for portion in portions(sorted(set(places))):
            request = messages.ReplayParkedRequest(places=map(_message, portion))
            answer = await stub.ReplayParked(request, timeout=_PORTION_SECONDS)
            progressed(len(portion))
            for one in answer.replays:
                place = StreamPlace(one.place.stream, one.place.incarnation, one.place.sequence)
                yield Replayed(place, outcome_word(one.outcome), one.detail)


async def discard(settings: Settings, places: Sequence[StreamPlace], reason: str, progressed: Callable[[int], None]) -> int:
    """Discard messages for a reason, and answer how many were parked until now. Raises as `replay`."""
    discarded = 0
    async with mending(settings) as stub:
        for portion in portions(sorted(set(places))):
            request = messages.DiscardParkedRequest(places=map(_message, portion), reason=reason)
            discarded += (await stub.DiscardParked(request, timeout=_PORTION_SECONDS)).discarded
            progressed(len(portion))
    return discarded


def portions(places: Sequence[StreamPlace]) -> list[Sequence[StreamPlace]]:
    """Cut places into as many requests as it takes."""
    return [places[begin : begin + PORTION_MESSAGES] for begin in range(0, len(places), PORTION_MESSAGES)]


async def _found(settings: Settings, where: ParkedWhere, batch_reference: str | None) -> AsyncIterator[KeptMessage]:
    async with open_for_reading(existing_database(settings)) as engine:
        async for kept in ParkedReader(engine).find(where):
            if batch_reference is None or (decoded(kept.message)[1] or {}).get("batch_reference") == batch_reference:
                yield kept


def _message(place: StreamPlace) -> messages.ParkedPlace:
    return messages.ParkedPlace(stream=place.stream, incarnation=place.incarnation, sequence=place.sequence)
