"""One delivered message and the four ways of answering it. What deserves which answer is decided elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import structlog

from allocation.adapters.jetstream.api import NANOSECONDS, microseconds
from allocation.adapters.jetstream.errors import broker_errors
from allocation.service_layer.streams import BrokerUnavailableError, InboundMessage

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from allocation.adapters.jetstream.connection import BrokerConnection

log = structlog.get_logger()

_REASON_MAX = 500


class StreamLife:
    """The life of the stream that deliveries belong to.

    Answers are addressed by sequence: once the life is over, they would reach messages of the next one that nobody has read.
    """

    def __init__(self, created_at: str) -> None:
        self.created_at = created_at
        self.over = False


class JetStreamDelivery:
    """A delivery, answered over whatever connection there is by then."""

    __slots__ = ("_connection", "_life", "_reply", "message")

    def __init__(self, connection: BrokerConnection, life: StreamLife, delivered: Msg) -> None:
        metadata = delivered.metadata
        self._connection = connection
        self._life = life
        self._reply = delivered.reply
        self.message = InboundMessage(
            stream=metadata.stream,
            sequence=metadata.sequence.stream,
            deliveries=metadata.num_delivered,
            subject=delivered.subject,
            headers={name.lower(): value for name, value in (delivered.headers or {}).items()},
            payload=delivered.data,
            stored_at=microseconds(metadata.timestamp),
        )

    async def ack(self) -> None:
        """Say that the message took effect."""
        await self._answer("ack", b"+ACK")

    async def retry(self, delay_seconds: float) -> None:
        """Ask for the message again, not before the delay."""
        # A bare nak is answered at once, whatever backoff the consumer has.
        delay = max(1, int(delay_seconds * NANOSECONDS))
        await self._answer("retry", b"-NAK " + json.dumps({"delay": delay}).encode())

    async def terminate(self, reason: str) -> None:
        """Ask never to be sent it again; the reason goes into the broker's advisory."""
        await self._answer("terminate", f"+TERM {' '.join(reason[:_REASON_MAX].split())}".encode())

    async def keep(self) -> None:
        """Start the consumer's `ack_wait` anew."""
        await self._answer("keep", b"+WPI")

    async def _answer(self, what: str, payload: bytes) -> None:
        if self._life.over:
            log.info("answer_to_former_stream_dropped", answer=what, sequence=self.message.sequence)
            return
        try:
            with broker_errors(what):
                await self._connection.client().publish(self._reply, payload)
        except BrokerUnavailableError as error:
            log.warning("answer_lost", answer=what, sequence=self.message.sequence, reason=str(error))
