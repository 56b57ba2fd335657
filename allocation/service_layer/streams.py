"""The ports to the message broker, as the doors need them: what comes in, what goes out, and what a stream says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from datetime import datetime


class BrokerUnavailableError(Exception):
    """The broker did not answer, or refused: whether it did what it was asked is unknown until its stream is read."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """What the broker says of a stream.

    `created_at` is opaque text that differs between two lives of a stream of one name; `last_sequence` is 0 for an empty one.
    `ack_floor` is the sequence up to which our consumer has acknowledged all; 0 if it has none, or if that cannot be told.
    It holds no message with a sequence below `first_sequence`, and none that was stored before `holds_since` by the broker's
    clock; None: it does not say so.
    """

    name: str
    created_at: str
    last_sequence: int
    ack_floor: int = 0
    first_sequence: int = 0
    holds_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class StreamStates:
    """Asks what the streams that we are bound to are like now. Both raise BrokerUnavailableError, also when we are not."""

    inbound: Callable[[], Awaitable[StreamState]]
    events: Callable[[], Awaitable[StreamState]]


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One message of the inbound stream.

    `deliveries` counts from 1. `headers` has lower-case names and values as they were sent. `stored_at` is when the broker
    stored it: microseconds since 1970, by its clock; None: it does not say so.
    """

    stream: str
    sequence: int
    deliveries: int
    subject: str
    headers: Mapping[str, str]
    payload: bytes
    stored_at: int | None = None


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """A committed event that waits to be published; `position` is its place in the outbox, `event_id` its ce-id."""

    position: int
    event_id: str
    type: str
    subject: str
    sku: str
    payload: bytes
    occurred_at: datetime
    correlation_id: str
    causation_id: str
    traceparent: str | None


class Delivery(Protocol):
    """One delivery of an inbound message. Each way of answering it is best effort: what is lost ends in a redelivery."""

    @property
    def message(self) -> InboundMessage:
        """The message that was delivered."""

    async def ack(self) -> None:
        """Say that the message took effect: never before the commit of that effect."""

    async def retry(self, delay_seconds: float) -> None:
        """Ask for the message again, not before the delay; later messages may pass it."""

    async def terminate(self, reason: str) -> None:
        """Ask never to be sent it again: never before the commit of a parked message."""

    async def keep(self) -> None:
        """Say that it is still being worked on, so that it is not redelivered meanwhile."""


class InboundStream(Protocol):
    """The stream of other services' events, read by one durable consumer."""

    async def bind(self) -> StreamState:
        """Create stream and consumer if they are missing, and attach to them.

        Raises:
            BrokerUnavailableError: the broker is away.
            StreamMismatchError: stream or consumer exist with settings that matter otherwise.

        """

    async def stored_at(self, sequence: int) -> int | None:
        """Answer when the message with a sequence was stored, as `InboundMessage.stored_at`; None: it is not there.

        Raises:
            BrokerUnavailableError: the broker is away.

        """

    async def deliver_again(self, start: int | datetime) -> int:
        """Have the stream delivered anew from a sequence, or from an instant on; answer how many messages that is.

        Raises:
            BrokerUnavailableError: the broker is away; where the consumer stands is unknown until it is asked again.

        """

    async def trim(self) -> None:
        """Let a stream that fills up forget what was acknowledged, so that its publishers are not refused; best effort.

        Raises:
            BrokerUnavailableError: the stream was made anew: `bind` again.

        """

    async def fetch(self, limit: int) -> Sequence[Delivery]:
        """Wait a few seconds for at most `limit` messages, in stream order; none if nothing came.

        Raises:
            BrokerUnavailableError: the broker is away, or the consumer is gone or was made anew: `bind` again.

        """


class EventStream(Protocol):
    """The stream that our events go out to."""

    async def bind(self) -> StreamState:
        """Create the stream if it is missing. Raises as `InboundStream.bind`."""

    async def publish(self, events: Sequence[OutboxEvent]) -> int:
        """Store all events in their order, each event_id once, and answer the stream sequence of the last.

        Raises:
            BrokerUnavailableError: any part of them may have been stored, always from the front; also where the broker was
                connected to anew since `bind`, and may be another one.

        """

    async def id_at(self, sequence: int) -> str | None:
        """Answer the event_id of what is stored at a sequence; None: there is nothing, or no event.

        Raises:
            BrokerUnavailableError: the broker is away.

        """

    def ids_above(self, sequence: int) -> AsyncIterator[tuple[int, str]]:
        """Read (stream sequence, event_id) of everything stored above a sequence, in order, and end.

        Raises:
            BrokerUnavailableError: the broker is away.

        """


class StreamMismatchError(Exception):
    """A stream or consumer exists with settings that matter otherwise; the message prints the difference line by line."""
