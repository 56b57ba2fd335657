"""What our streams and our consumer should be like, in JetStream's own words; nothing here talks to the broker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allocation.adapters.jetstream.api import NANOSECONDS

_DAY_SECONDS = 86_400
_GIBIBYTE = 1 << 30

# What the server leaves out of its answer when it is so.
SERVER_DEFAULTS: dict[str, Any] = {
    "allow_atomic": False,
    "deny_delete": False,
    "no_ack": False,
    "sealed": False,
    "persist_mode": "default",
}


@dataclass(frozen=True, slots=True)
class InboundConfiguration:
    """The stream of other services' events and the durable consumer that reads it.

    One stream and one consumer for all subjects, so that the sequence orders a batch's creation before its changes.
    `bytes_max` is reserved on the broker's disk; a full stream refuses its publishers rather than forget. `subjects_apart` are
    those that must be held by another stream.
    """

    subjects: tuple[str, ...]
    name: str = "ALLOCATION_INBOUND"
    consumer_name: str = "allocation"
    replicas: int = 1
    bytes_max: int = _GIBIBYTE
    age_max_seconds: float = 30 * _DAY_SECONDS
    duplicate_window_seconds: float = 120
    ack_wait_seconds: float = 30
    ack_pending_max: int = 10_000
    subjects_apart: tuple[str, ...] = ()

    @property
    def matters(self) -> tuple[str, ...]:
        """The settings of the stream that must not be otherwise; the others are the operator's to change."""
        return ("storage", "persist_mode", "retention", "discard", "no_ack", "sealed")

    def stream(self) -> dict[str, Any]:
        """Purging stays allowed, so that processed messages can be trimmed."""
        return {
            "name": self.name,
            "description": "Events of other services, for the allocation service",
            "subjects": list(self.subjects),
            "storage": "file",
            "retention": "limits",
            "discard": "new",
            "num_replicas": self.replicas,
            "max_bytes": self.bytes_max,
            "max_age": int(self.age_max_seconds * NANOSECONDS),
            "duplicate_window": int(self.duplicate_window_seconds * NANOSECONDS),
        }

    def consumer(self) -> dict[str, Any]:
        """Deliveries are without limit: what is delivered too often is parked by us, not forgotten by the broker."""
        return {
            "name": self.consumer_name,
            "durable_name": self.consumer_name,
            "filter_subjects": list(self.subjects),
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "replay_policy": "instant",
            "max_deliver": -1,
            "ack_wait": int(self.ack_wait_seconds * NANOSECONDS),
            "max_ack_pending": self.ack_pending_max,
        }


@dataclass(frozen=True, slots=True)
class EventConfiguration:
    """The stream that our events go out to.

    A full stream forgets its oldest events: our own log is the truth. The duplicate window must exceed the time after which
    a publish of unknown outcome is looked up instead of repeated; the broker pays some 200 bytes of memory per event in it.
    `subjects_apart` are those that must be held by another stream.
    """

    subjects: tuple[str, ...]
    name: str = "ALLOCATION_EVENTS"
    replicas: int = 1
    bytes_max: int = 4 * _GIBIBYTE
    age_max_seconds: float = 30 * _DAY_SECONDS
    duplicate_window_seconds: float = 600
    subjects_apart: tuple[str, ...] = ()

    @property
    def matters(self) -> tuple[str, ...]:
        """The settings of the stream that must not be otherwise; the others are the operator's to change."""
        return (
            "storage",
            "persist_mode",
            "retention",
            "discard",
            "deny_delete",
            "allow_atomic",
            "duplicate_window",
            "no_ack",
            "sealed",
        )

    def stream(self) -> dict[str, Any]:
        """Atomic batches are what makes publishing fast."""
        return {
            "name": self.name,
            "description": "Events of the allocation service",
            "subjects": list(self.subjects),
            "storage": "file",
            "retention": "limits",
            "discard": "old",
            "deny_delete": True,
            "allow_atomic": True,
            "num_replicas": self.replicas,
            "max_bytes": self.bytes_max,
            "max_age": int(self.age_max_seconds * NANOSECONDS),
            "duplicate_window": int(self.duplicate_window_seconds * NANOSECONDS),
        }
