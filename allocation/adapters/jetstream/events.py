"""The stream that our events go out to. When to publish, and what to do about a failure, is the relay's business."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from allocation.adapters.jetstream.api import NANOSECONDS, ask
from allocation.adapters.jetstream.publishing import YIELD_EVERY, OutgoingMessage, batches, store
from allocation.adapters.jetstream.pull import PullReader
from allocation.adapters.jetstream.streams import ensure_stream, event_id_at, stream_state
from allocation.contract.cloudevents import ID, decode_headers, encode_headers
from allocation.service_layer.streams import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from allocation.adapters.jetstream.configuration import EventConfiguration
    from allocation.adapters.jetstream.connection import BrokerConnection
    from allocation.service_layer.streams import OutboxEvent, StreamState

log = structlog.get_logger()

_READ_MAX = 1000
_READ_WAIT_SECONDS = 5.0
_READ_HEARTBEAT_SECONDS = 1.0
# The broker removes an abandoned reader by itself after this time.
_READER_ABANDONED_SECONDS = 30


class JetStreamEvents:
    """Keeps the promises of `EventStream` with atomic batches; for one task at a time.

    `source` is the ce-source of every event. The server takes at most 1,000 messages in a batch and holds them in memory
    until the commit; `batch_bytes_max` bounds that. With `adopt`, settings that matter otherwise are logged, not refused.
    """

    def __init__(  # noqa: PLR0913 -- settings, each a keyword with its default
        self,
        connection: BrokerConnection,
        configuration: EventConfiguration,
        *,
        source: str = "/stock/allocation",
        adopt: bool = False,
        batch_messages_max: int = 1000,
        batch_bytes_max: int = 4 << 20,
    ) -> None:
        self._connection = connection
        self._configuration = configuration
        self._source = source
        self._adopt = adopt
        self._batch_messages_max = batch_messages_max
        self._batch_bytes_max = batch_bytes_max
        self._stream: str | None = None
        self._connected = (0, 0)

    async def bind(self) -> StreamState:
        """Create the stream if it is missing.

        Raises:
            BrokerUnavailableError: the broker is away.
            StreamMismatchError: it exists with settings that matter otherwise.

        """
        connected = self._connection.number
        state = await ensure_stream(self._connection, self._configuration, adopt=self._adopt)
        self._stream, self._connected = state.name, connected
        return state

    async def state(self) -> StreamState:
        """Ask what the stream is like now. Raises BrokerUnavailableError, also if it was never bound."""
        return await stream_state(self._connection, self._bound())

    async def publish(self, events: Sequence[OutboxEvent]) -> int:
        """Store all events in their order, each event_id once, and answer the stream sequence of the last.

        Raises:
            BrokerUnavailableError: any part of them may have been stored, always from the front; also where the broker was
                connected to anew since `bind`.
            ValueError: there are no events.

        """
        if not events:
            raise ValueError("nothing to publish")
        self._require_same_connection()
        messages = []
        for position, event in enumerate(events, 1):
            messages.append(OutgoingMessage(event.subject, encode_headers(event, self._source), event.payload))
            if position % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        sequence = 0
        for batch in batches(messages, self._batch_messages_max, self._batch_bytes_max):
            sequence = await store(self._connection, self._bound(), batch)
        self._require_same_connection()
        return sequence

    async def id_at(self, sequence: int) -> str | None:
        """Answer the ce-id of the message with a sequence; None: it is not there, or is none of ours."""
        return await event_id_at(self._connection, self._bound(), sequence)

    async def ids_above(self, sequence: int) -> AsyncGenerator[tuple[int, str], None]:
        """Read (stream sequence, event_id) of everything stored above a sequence, in order, and end.

        Ends at what was stored when it was called. Messages without a ce-id, which are not ours, are passed over.

        Raises:
            BrokerUnavailableError: the broker is away.

        """
        state = await stream_state(self._connection, self._bound())
        if state.last_sequence <= sequence:
            return
        name, pending = await self._create_reader(state.name, sequence + 1)
        reader = PullReader(self._connection.client(), state.name, name)
        try:
            await reader.open()
            while pending:
                messages = await reader.read(_READ_MAX, _READ_WAIT_SECONDS, _READ_HEARTBEAT_SECONDS)
                if not messages:
                    raise BrokerUnavailableError(f"{pending} events above {sequence} were promised and do not come")
                for message in messages:
                    stored, pending = message.metadata.sequence.stream, message.metadata.num_pending
                    if stored > state.last_sequence:
                        return
                    if event_id := decode_headers(message.headers).get(ID):
                        yield stored, event_id
        finally:
            await self._drop_reader(state.name, name, reader)

    async def _create_reader(self, stream: str, first_sequence: int) -> tuple[str, int]:
        configuration = {
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": first_sequence,
            "ack_policy": "none",
            "replay_policy": "instant",
            "headers_only": True,
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": _READER_ABANDONED_SECONDS * NANOSECONDS,
        }
        answer = await ask(self._connection, f"CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": configuration})
        return answer["name"], answer["num_pending"]

    async def _drop_reader(self, stream: str, name: str, reader: PullReader) -> None:
        try:
            await reader.close()
            await ask(self._connection, f"CONSUMER.DELETE.{stream}.{name}")
        except BrokerUnavailableError as error:
            log.info("reader_left_to_the_broker", consumer=name, reason=str(error))

    def _require_same_connection(self) -> None:
        """What answers after a reconnect may be a broker that was restored: its stream is to be looked at first."""
        if self._connection.number != self._connected:
            raise BrokerUnavailableError("connected anew since the event stream was looked at")

    def _bound(self) -> str:
        if self._stream is None:
            raise BrokerUnavailableError("not bound to the event stream")
        return self._stream
