"""A command on its way to its handler, with what the log and the outgoing events need to know of where it came from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from allocation.service_layer.records import StreamPlace

if TYPE_CHECKING:
    from allocation.domain.commands import Command
    from allocation.service_layer.streams import InboundMessage


@dataclass(frozen=True, slots=True)
class Receipt:
    """The inbound message that a command was translated from.

    `incarnation` is the life of the stream that the door is bound to. `source` and `message_id` are the key under which the
    message is consumed once: ce-source and ce-id if both are present, else the stream's life and the sequence. A `replay` is
    of a message that was parked, and that no broker waits for.
    """

    message: InboundMessage
    message_type: str
    incarnation: int
    source: str
    message_id: str
    is_replay: bool = False

    @property
    def place(self) -> StreamPlace:
        """Where the message stood."""
        return StreamPlace(self.message.stream, self.incarnation, self.message.sequence)

    @property
    def fingerprint(self) -> bytes:
        """The SHA-256 of the payload: the same key with another one is not the same message."""
        return hashlib.sha256(self.message.payload).digest()


@dataclass(frozen=True, slots=True)
class Envelope:
    """A command, what began it (`correlation_id`), what directly caused it (`causation_id`), and its trace."""

    command: Command
    correlation_id: str
    causation_id: str
    traceparent: str | None = None
    receipt: Receipt | None = None
