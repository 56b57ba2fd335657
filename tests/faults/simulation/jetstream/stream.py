"""A stream: its messages, the ids that it has seen, and atomic batches on their way into it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.faults.simulation.jetstream.wire import NANOSECONDS, NotSimulatedError, refusal, wall_clock

if TYPE_CHECKING:
    from tests.faults.simulation.jetstream.consumer import Consumer
    from tests.faults.simulation.jetstream.wire import Wired

MESSAGE_ID, BATCH_ID, BATCH_SEQUENCE, BATCH_COMMIT = (
    "Nats-Msg-Id",
    "Nats-Batch-Id",
    "Nats-Batch-Sequence",
    "Nats-Batch-Commit",
)
_ABANDONED_SECONDS = 10.0
_BATCH_MESSAGES_MAX = 1000
_UNSUPPORTED = ("Nats-Expected-Last-Sequence", "Nats-Expected-Last-Subject-Sequence", "Nats-Rollup", "Nats-TTL")
_TRUE = "1"


class Kept(NamedTuple):
    """A message of a stream."""

    sequence: int
    subject: str
    headers: dict[str, str]
    payload: bytes
    stored_at: float


class SeenId(NamedTuple):
    """A message id of the duplicate window."""

    sequence: int
    seen_at: float


@dataclass(slots=True)
class Staged:
    """A batch that waits for its commit."""

    messages: list[Wired]
    last_at: float


@dataclass(slots=True)
class Stream:
    """One life of a stream; `archive` keeps also what was purged, for the judge alone."""

    config: dict[str, Any]
    created: str
    messages: dict[int, Kept] = field(default_factory=dict)
    archive: list[Kept] = field(default_factory=list)
    first_sequence: int = 0
    last_sequence: int = 0
    size: int = 0
    seen: dict[str, SeenId] = field(default_factory=dict)
    staged: dict[str, Staged] = field(default_factory=dict)
    consumers: dict[str, Consumer] = field(default_factory=dict)
    began: int = field(default_factory=lambda: nanoseconds(_now()))
    """When this life began, as timestamps say it."""

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.config["name"])

    def info(self) -> dict[str, Any]:
        """Answer STREAM.INFO."""
        state: dict[str, Any] = {
            "messages": len(self.messages),
            "bytes": self.size,
            "first_seq": self.first_sequence,
            "last_seq": self.last_sequence,
            "consumer_count": len(self.consumers),
        }
        if self.messages:
            state["first_ts"] = date(self.messages[self.first_sequence].stored_at)
        return {"config": self.config, "created": self.created, "state": state, "ts": date(_now())}

    def publish(self, message: Wired) -> dict[str, Any] | None:
        """Store a message, once in the duplicate window, and answer the acknowledgement; None: an empty one."""
        for header in _UNSUPPORTED:
            if header in message.headers:
                raise NotSimulatedError(f"header {header}")
        if BATCH_ID in message.headers:
            return self._stage(message)
        identity = message.headers.get(MESSAGE_ID)
        if identity is not None and (before := self._seen(identity)) is not None:
            return {"stream": self.name, "seq": before.sequence, "duplicate": True}
        return {"stream": self.name, "seq": self._keep(message)}

    def purge(self, first_kept: int) -> int:
        """Forget what lies below a sequence; answer how many messages that were."""
        gone = [sequence for sequence in self.messages if sequence < first_kept]
        for sequence in gone:
            self.size -= _size(self.messages.pop(sequence))
        self.first_sequence = max(self.first_sequence, first_kept)
        self.last_sequence = max(self.last_sequence, first_kept - 1)
        for consumer in self.consumers.values():
            consumer.forget_below(self.first_sequence)
        return len(gone)

    def lose_staged(self) -> None:
        """Drop every batch that was not committed: they are held in memory."""
        self.staged.clear()

    def _stage(self, message: Wired) -> dict[str, Any] | None:
        if not self.config.get("allow_atomic"):
            return self._refused(10174, "atomic publish is disabled")
        identity, number = message.headers[BATCH_ID], int(message.headers[BATCH_SEQUENCE])
        staged = self.staged.pop(identity, None)
        if staged is not None and _now() - staged.last_at > _ABANDONED_SECONDS:
            staged = None
        if staged is None:
            staged = Staged([], _now())
        if number != len(staged.messages) + 1:
            return self._refused(10176, "atomic publish batch is incomplete")
        if number > _BATCH_MESSAGES_MAX:
            return self._refused(10199, "atomic publish batch is too large: 1000")
        staged.messages.append(message)
        staged.last_at = _now()
        if message.headers.get(BATCH_COMMIT) != _TRUE:
            self.staged[identity] = staged
            return None
        identities = [one.headers[MESSAGE_ID] for one in staged.messages if MESSAGE_ID in one.headers]
        if len(set(identities)) < len(identities) or any(self._seen(one) for one in identities):
            return self._refused(10201, "atomic publish batch contains duplicate message id")
        for one in staged.messages:
            self._keep(one)
        return {"stream": self.name, "seq": self.last_sequence, "batch": identity, "count": number}

    def _refused(self, error_code: int, description: str) -> dict[str, Any]:
        return refusal(400, error_code, description) | {"stream": self.name, "seq": 0}

    def _seen(self, identity: str) -> SeenId | None:
        seen = self.seen.get(identity)
        if seen is None or _now() - seen.seen_at >= self.config["duplicate_window"] / NANOSECONDS:
            return None
        return seen

    def _keep(self, message: Wired) -> int:
        self.last_sequence += 1
        kept = Kept(self.last_sequence, message.subject, message.headers, message.payload, _now())
        self.messages[kept.sequence] = kept
        self.archive.append(kept)
        self.first_sequence = self.first_sequence or kept.sequence
        self.size += _size(kept)
        if identity := message.headers.get(MESSAGE_ID):
            self.seen[identity] = SeenId(kept.sequence, kept.stored_at)
        for consumer in self.consumers.values():
            consumer.serve_soon()
        return kept.sequence


def date(seconds: float) -> str:
    """Write a virtual time as JetStream writes instants."""
    return wall_clock(seconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def nanoseconds(stored_at: float) -> int:
    """Answer the timestamp of a virtual time."""
    return int(wall_clock(stored_at).timestamp()) * NANOSECONDS + int(stored_at % 1 * NANOSECONDS)


def _size(kept: Kept) -> int:
    return len(kept.subject) + len(kept.payload) + sum(len(name) + len(value) for name, value in kept.headers.items())


def _now() -> float:
    return asyncio.get_running_loop().time()
