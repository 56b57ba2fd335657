"""Stores messages in a stream in their order and each once: single publishes and atomic batches, which nats-py lacks.

What the messages say, and what follows from a failure, is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from allocation.adapters.jetstream.api import request
from allocation.adapters.jetstream.errors import (
    ATOMIC_PUBLISH_DISABLED,
    BATCH_HAS_DUPLICATE,
    BATCH_TOO_LARGE,
    RefusedError,
    broker_errors,
)
from allocation.service_layer.streams import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from allocation.adapters.jetstream.connection import BrokerConnection

log = structlog.get_logger()

# Publishing hardly ever yields to the event loop by itself; whoever else lives there should not wait for a whole batch.
YIELD_EVERY = 50


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message ready to be sent; its headers hold the id that the broker stores once."""

    subject: str
    headers: dict[str, str]
    payload: bytes

    @property
    def size(self) -> int:
        """Roughly its bytes on the wire."""
        return len(self.payload) + sum(map(len, self.headers)) + sum(map(len, self.headers.values()))


def batches(messages: Sequence[OutgoingMessage], messages_max: int, bytes_max: int) -> Iterator[Sequence[OutgoingMessage]]:
    """Cut into runs within both limits; a message that is too large for any stands alone."""
    begin = bytes_sum = 0
    for position, message in enumerate(messages):
        size = message.size
        if position > begin and (position - begin == messages_max or bytes_sum + size > bytes_max):
            yield messages[begin:position]
            begin, bytes_sum = position, 0
        bytes_sum += size
    if begin < len(messages):
        yield messages[begin:]


async def store(connection: BrokerConnection, stream: str, messages: Sequence[OutgoingMessage]) -> int:
    """Store a run of messages in order and answer the sequence of the last.

    A batch of which something is stored already is refused whole: it is halved until the stored ones stand alone, where a
    duplicate is a success. The right half is sent only after the left one is stored, so the order holds.

    Raises:
        BrokerUnavailableError: any part may have been stored, always from the front.

    """
    if len(messages) == 1:
        message = messages[0]
        return _sequence(stream, await request(connection, message.subject, message.payload, message.headers))
    try:
        return _sequence(stream, await _store_batch(connection, messages))
    except RefusedError as refusal:
        if refusal.code == ATOMIC_PUBLISH_DISABLED:
            raise BrokerUnavailableError(f"stream {stream} takes no atomic batches: set allow_atomic on it") from refusal
        if refusal.code not in (BATCH_HAS_DUPLICATE, BATCH_TOO_LARGE):
            raise
        log.info("batch_halved", stream=stream, messages=len(messages), reason=str(refusal))
    middle = len(messages) // 2
    await store(connection, stream, messages[:middle])
    return await store(connection, stream, messages[middle:])


async def _store_batch(connection: BrokerConnection, messages: Sequence[OutgoingMessage]) -> dict[str, Any]:
    """Stage every message, commit with the last; the answer to the commit stands for the whole batch."""
    batch_id = uuid.uuid4().hex
    client = connection.client()
    for sequence, message in enumerate(messages, 1):
        headers = message.headers | {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(sequence)}
        if sequence == len(messages):
            headers["Nats-Batch-Commit"] = "1"
            break
        if sequence == 1:
            # Answered at once: a refusal of batches as such is learned before the rest is sent.
            await request(connection, message.subject, message.payload, headers)
            continue
        with broker_errors(message.subject):
            await client.publish(message.subject, message.payload, headers=headers)
        if sequence % YIELD_EVERY == 0:
            await asyncio.sleep(0)
    return await request(connection, messages[-1].subject, messages[-1].payload, headers)


def _sequence(stream: str, acknowledgement: dict[str, Any]) -> int:
    if acknowledgement.get("stream") != stream or not isinstance(acknowledgement.get("seq"), int):
        raise BrokerUnavailableError(f"stored elsewhere than in stream {stream}: {acknowledgement}")
    sequence: int = acknowledgement["seq"]
    return sequence
