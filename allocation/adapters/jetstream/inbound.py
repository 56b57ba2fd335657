"""The inbound stream as its door reads it. What the messages mean is not known here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from allocation.adapters.jetstream.api import ask
from allocation.adapters.jetstream.comparison import holds_others
from allocation.adapters.jetstream.delivery import JetStreamDelivery, StreamLife
from allocation.adapters.jetstream.durable_consumer import replace_consumer
from allocation.adapters.jetstream.pull import PullReader
from allocation.adapters.jetstream.streams import ensure_inbound, ensure_stream, stored_at, stream_state
from allocation.service_layer.streams import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from nats.aio.msg import Msg

    from allocation.adapters.jetstream.configuration import InboundConfiguration
    from allocation.adapters.jetstream.connection import BrokerConnection
    from allocation.service_layer.streams import StreamState

log = structlog.get_logger()


class JetStreamInbound:
    """Keeps the promises of `InboundStream` with one durable pull consumer; for one task at a time.

    An idle fetch ends after `wait_seconds`; a broker that sends no heartbeat for twice `heartbeat_seconds`, which is at most
    half of the wait, counts as away. With `adopt`, settings that matter otherwise are logged instead of refused.
    """

    def __init__(
        self,
        connection: BrokerConnection,
        configuration: InboundConfiguration,
        *,
        adopt: bool = False,
        wait_seconds: float = 5.0,
        heartbeat_seconds: float = 1.0,
    ) -> None:
        self._connection = connection
        self._configuration = configuration
        self._adopt = adopt
        self._wait_seconds = wait_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._reader: PullReader | None = None
        self._life = StreamLife("")
        self._bound_to: str | None = None
        self._delivered = 0
        self._changing = asyncio.Lock()

    async def bind(self) -> StreamState:
        """Create stream and consumer if they are missing, and attach to them.

        Raises:
            BrokerUnavailableError: the broker is away.
            StreamMismatchError: stream or consumer exist with settings that matter otherwise.

        """
        async with self._changing:
            return await self._bind()

    async def _bind(self) -> StreamState:
        state, delivered = await ensure_inbound(self._connection, self._configuration, adopt=self._adopt)
        self._life.over = state.created_at != self._life.created_at
        await self.close()
        if self._life.over:
            self._life = StreamLife(state.created_at)
        reader = PullReader(self._connection.client(), state.name, self._configuration.consumer_name)
        await reader.open()
        self._reader = reader
        self._bound_to = state.name
        self._delivered = delivered
        return state

    async def state(self) -> StreamState:
        """Ask what the stream is like now. Raises BrokerUnavailableError, also if it was never bound."""
        if self._bound_to is None:
            raise BrokerUnavailableError("not bound to the inbound stream")
        return await stream_state(self._connection, self._bound_to)

    async def stored_at(self, sequence: int) -> int | None:
        """Answer when the message with a sequence was stored; None: it is not there."""
        if self._bound_to is None:
            raise BrokerUnavailableError("not bound to the inbound stream")
        return await stored_at(self._connection, self._bound_to, sequence)

    async def deliver_again(self, start: int | datetime) -> int:
        """Make the consumer anew, beginning at a sequence or an instant; whoever fetches notices that the old one is gone.

        Raises:
            BrokerUnavailableError: the broker is away; the old consumer may be gone, then `bind` makes one that begins at the
                beginning: what took effect takes none again.

        """
        async with self._changing:
            state = await ensure_stream(self._connection, self._configuration, adopt=self._adopt)
            return await replace_consumer(self._connection, state.name, self._configuration, start)

    async def trim(self) -> None:
        """Purge what was acknowledged once the stream is half full, unless others use it too; best effort.

        Raises:
            BrokerUnavailableError: the stream is not the one that was bound to, but one made anew: `bind` again.

        """
        if self._bound_to is None:
            return
        try:
            # Asked in this order: if the stream is found to live on, the consumer that was asked before was its own.
            consumer = await ask(self._connection, f"CONSUMER.INFO.{self._bound_to}.{self._configuration.consumer_name}")
            stream = await ask(self._connection, f"STREAM.INFO.{self._bound_to}")
            is_same = stream["created"] == self._life.created_at
            if not is_same or not self._fills_up(stream):
                purged, first_kept = None, 0
            else:
                first_kept = consumer["ack_floor"]["stream_seq"] + 1
                purged = await ask(self._connection, f"STREAM.PURGE.{self._bound_to}", {"seq": first_kept})
        except BrokerUnavailableError as error:
            log.warning("stream_not_trimmed", stream=self._bound_to, reason=str(error))
            return
        if not is_same:
            raise BrokerUnavailableError(f"stream {self._bound_to} was made anew")
        if purged is not None:
            log.info("stream_trimmed", stream=self._bound_to, messages=purged["purged"], first_kept=first_kept)

    def _fills_up(self, stream: Mapping[str, Any]) -> bool:
        """Whether a stream that is ours alone is half full."""
        bytes_max, state = stream["config"].get("max_bytes", -1), stream["state"]
        if bytes_max <= 0 or state["bytes"] * 2 < bytes_max or state["consumer_count"] > 1:
            return False
        return not holds_others(stream["config"], self._configuration.subjects)

    async def fetch(self, limit: int) -> Sequence[JetStreamDelivery]:
        """Wait a few seconds for at most `limit` messages, in stream order; none if nothing came.

        Raises:
            BrokerUnavailableError: the broker is away, or the consumer is gone or was made anew: `bind` again.

        """
        client = self._connection.client()
        if self._reader is None or self._reader.client is not client:
            raise BrokerUnavailableError("not bound to the inbound stream over this connection")
        messages = await self._reader.read(limit, self._wait_seconds, self._heartbeat_seconds)
        deliveries = [JetStreamDelivery(self._connection, self._life, message) for message in messages]
        if messages and (made_anew := await self._made_anew(self._reader, messages)):
            for delivery in deliveries:
                await delivery.retry(0)
            raise BrokerUnavailableError(made_anew)
        return deliveries

    async def _made_anew(self, reader: PullReader, messages: Sequence[Msg]) -> str:
        """Say what betrays a consumer, or its stream, that was made anew while no fetch was open; empty: nothing does.

        A consumer numbers its deliveries upward, from 1: at its first one the stream is asked whether it still is the same.
        """
        for message in messages:
            number = message.metadata.sequence.consumer
            if number <= self._delivered:
                return f"the consumer was made anew: delivery {number} came after {self._delivered}"
            self._delivered = number
        if messages[0].metadata.sequence.consumer > 1:
            return ""
        try:
            is_same = (await self.state()).created_at == self._life.created_at
        except BaseException:
            reader.put_back(messages)
            self._delivered = 0
            raise
        return "" if is_same else f"stream {self._bound_to} was made anew"

    async def close(self) -> None:
        """Stop fetching, and give back at once what arrived and nobody read. `bind` opens again."""
        reader, self._reader = self._reader, None
        if reader is None:
            return
        try:
            unread = await reader.close()
        except BrokerUnavailableError as error:
            log.info("unread_messages_left_to_redelivery", reason=str(error))
            return
        for message in unread:
            await JetStreamDelivery(self._connection, self._life, message).retry(0)
