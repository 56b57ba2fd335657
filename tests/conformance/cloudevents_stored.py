"""The messages of the event stream as they lie there, without any consumer, and the events of the contract inside them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from stock.allocation.v1 import events_pb2, options_pb2

from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message
    from nats.js import JetStreamContext


def event_options(descriptor: Descriptor) -> options_pb2.EventOptions:
    """Read what the contract says of how an event travels."""
    options: Any = descriptor.GetOptions()
    event: options_pb2.EventOptions = options.Extensions[options_pb2.event]
    return event


EVENTS: dict[str, type[Message]] = {
    descriptor.full_name: GetMessageClass(descriptor)
    for descriptor in events_pb2.DESCRIPTOR.message_types_by_name.values()
    if event_options(descriptor).direction == options_pb2.DIRECTION_OUTBOUND
}


@dataclass(frozen=True)
class Stored:
    """A message as it lies in the stream."""

    sequence: int
    subject: str
    headers: Mapping[str, str]
    payload: bytes

    @property
    def message(self) -> Any:  # noqa: ANN401 - one of the events of the contract
        """The event inside; None if it is none of the contract."""
        message_type = EVENTS.get(self.headers.get("ce-type", ""))
        with suppress(DecodeError):
            return message_type and message_type.FromString(self.payload)
        return None


async def stored_from(store: JetStreamContext, stream: str, begin: int, skus: set[str], count: int) -> list[Stored]:
    """Wait until so many events of these skus are in the stream, or for too long; answer everything that was stored."""
    stored: list[Stored] = []

    async def all_there() -> bool:
        last = (await store.stream_info(stream)).state.last_seq
        for sequence in range(begin + len(stored), last + 1):
            raw = await store.get_msg(stream, seq=sequence)
            headers = {name: str(value) for name, value in (raw.headers or {}).items()}
            stored.append(Stored(sequence, raw.subject or "", headers, raw.data or b""))
        return sum(one.message is not None and one.message.sku in skus for one in stored) >= count

    with suppress(TimeoutError):  # the caller sees what is missing
        await eventually(all_there)
    return stored
