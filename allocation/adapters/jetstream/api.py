"""Questions to JetStream in its own JSON, and its answers; which question is asked when is the other files' business."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from allocation.adapters.jetstream.errors import RefusedError, broker_errors
from allocation.contract.cloudevents import decode_headers
from allocation.service_layer.streams import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from allocation.adapters.jetstream.connection import BrokerConnection

API_PREFIX = "$JS.API."
NANOSECONDS = 1_000_000_000


def instant(text: str) -> datetime:
    """Read an instant as JetStream writes it, to the microsecond: it gives nanoseconds without trailing zeros."""
    seconds, _, rest = text.partition(".")
    digits = rest.rstrip("Z") if rest.endswith("Z") else rest.partition("+")[0].partition("-")[0]
    zone = rest[len(digits) :] if rest else ""
    return datetime.fromisoformat(f"{seconds}.{digits[:6].ljust(6, '0')}{zone}" if digits else text)


def microseconds(when: datetime) -> int:
    """Count the microseconds since 1970."""
    return round(when.timestamp() * 1_000_000)


def stored_headers(message: Mapping[str, Any]) -> Mapping[str, str]:
    """Read the headers of a message that JetStream's API gives, as `decode_headers` does."""
    lines = base64.b64decode(message.get("hdrs", "")).decode("utf-8", "replace").split("\r\n")
    return decode_headers(dict(line.split(": ", 1) for line in lines if ": " in line))


async def ask(connection: BrokerConnection, question: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
    """Ask JetStream's API, e.g. `STREAM.INFO.name`, and answer what it said.

    The raw JSON rather than nats-py's classes: those cut a stream's creation time, and break on fields they do not know.

    Raises:
        RefusedError: it answered with an error; its code says which.
        BrokerUnavailableError: it did not answer in time, or nobody is there to answer.

    """
    payload = json.dumps(body).encode() if body is not None else b""
    return await request(connection, API_PREFIX + question, payload)


async def ask_if_there(
    connection: BrokerConnection, question: str, absent: int, body: Mapping[str, object] | None = None
) -> dict[str, Any] | None:
    """Ask about something; None if that is not there, which JetStream says with the error `absent`. Raises as `ask`."""
    try:
        return await ask(connection, question, body)
    except RefusedError as refusal:
        if refusal.code != absent:
            raise
        return None


async def request(
    connection: BrokerConnection, subject: str, payload: bytes, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Publish with a reply subject and answer the JSON reply, {} if it is empty. Raises as `ask`."""
    with broker_errors(subject):
        message = await connection.client().request(
            subject, payload, timeout=connection.request_timeout_seconds, headers=headers
        )
    if not message.data:
        return {}
    try:
        answer = json.loads(message.data)
    except ValueError as error:
        raise BrokerUnavailableError(f"{subject}: the answer is no JSON") from error
    if not isinstance(answer, dict):
        raise BrokerUnavailableError(f"{subject}: the answer is no JSON object")
    if refusal := answer.get("error"):
        raise RefusedError(subject, refusal.get("err_code", 0), refusal.get("description", "no reason given"))
    return answer
