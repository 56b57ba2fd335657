"""What goes over the simulated wire, and the words of JetStream's answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

NANOSECONDS = 1_000_000_000
API, ACK = "$JS.API.", "$JS.ACK."
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class NotSimulatedError(Exception):
    """Somebody asks for a part of JetStream that the simulation does not have."""


@dataclass(frozen=True, slots=True)
class Wired:
    """One message on its way: to the broker (`reply` is where an answer goes) or from it."""

    subject: str
    payload: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    reply: str = ""


Send = Callable[[str, Wired], bool]
"""Sends a message to whoever listens at an inbox, and answers whether anybody does."""


class Connection(Protocol):
    """The broker's end of a connection."""

    def deliver(self, inbox: str, message: Wired) -> None:
        """Send a message to one of the client's inboxes."""

    def cut(self) -> None:
        """Close it from this end."""


def refusal(code: int, error_code: int, description: str) -> dict[str, Any]:
    """Say no as JetStream's API does."""
    return {"error": {"code": code, "err_code": error_code, "description": description}}


def encoded(answer: Mapping[str, Any]) -> bytes:
    """Write an answer."""
    return json.dumps(answer).encode()


def status(code: int, description: str, **more: str) -> dict[str, str]:
    """Say by headers what became of a request."""
    return {"Status": str(code), "Description": description} | {name.replace("_", "-"): value for name, value in more.items()}


def wall_clock(seconds: float) -> datetime:
    """Answer the date of a virtual time."""
    return _BEGIN + timedelta(seconds=seconds)
