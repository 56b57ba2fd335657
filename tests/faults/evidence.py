"""What can be seen from outside when everything is quiet: the database, read-only, and both streams, by a bare client."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import nats
from google.protobuf.message import DecodeError
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig
from stock.allocation.v1 import events_pb2, inbound_events_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from google.protobuf.message import Message
    from nats.aio.client import Client

INBOUND, EVENTS, CONSUMER = "ALLOCATION_INBOUND", "ALLOCATION_EVENTS", "allocation"
Row = dict[str, Any]
_TABLES = (
    "products",
    "batches",
    "order_lines",
    "events",
    "outbox",
    "inbox",
    "parked_messages",
    "fences",
    "streams",
    "internal_commands",
)
_INBOUND_MESSAGES: dict[str, type[Message]] = {
    "batch.created": inbound_events_pb2.BatchCreated,
    "batch.quantity.changed": inbound_events_pb2.BatchQuantityChanged,
    "order.placed": inbound_events_pb2.OrderPlaced,
}


class Stored(NamedTuple):
    """A message of a stream."""

    sequence: int
    subject: str
    headers: dict[str, str]
    payload: bytes

    @property
    def message(self) -> Any:  # noqa: ANN401 - one of several generated classes
        """An inbound payload, decoded."""
        return _INBOUND_MESSAGES[self.subject].FromString(self.payload)

    @property
    def is_decodable(self) -> bool:
        """Whether an inbound payload is a message at all."""
        try:
            _ = self.message
        except (DecodeError, KeyError):
            return False
        return True


@dataclass
class Evidence:
    """The rows of every table, and what both streams hold."""

    tables: dict[str, list[Row]]
    inbound: list[Stored] = field(default_factory=list)
    outgoing: list[Stored] = field(default_factory=list)
    _messages: dict[tuple[str, bytes], Any] = field(default_factory=dict, repr=False)

    @property
    def public_events(self) -> list[Row]:
        """The part of the log that has to be published, in its order."""
        return [event for event in self.tables["events"] if event["subject"] is not None]

    def decoded(self) -> list[tuple[Row, Any]]:
        """Every public event of the log beside its message; each is decoded once, and nobody may change it."""
        return [(event, self._decoded(event)) for event in self.public_events]

    def inbox_key(self, stored: Stored) -> tuple[str, str]:
        """Answer under which key a message is consumed: its own, or the place where it lies."""
        if "ce-id" in stored.headers and "ce-source" in stored.headers:
            return stored.headers["ce-source"], stored.headers["ce-id"]
        return f"{INBOUND}/{self.incarnation}", str(stored.sequence)

    @property
    def incarnation(self) -> int:
        """Which life of the inbound stream this is."""
        lives: list[int] = [row["incarnation"] for row in self.tables["streams"] if row["name"] == INBOUND]
        return lives[0]

    def _decoded(self, event: Row) -> Any:  # noqa: ANN401 - one of several generated classes
        key = (event["type"], event["payload"])
        if key not in self._messages:
            self._messages[key] = decode(event)
        return self._messages[key]


def decode(event: Row) -> Any:  # noqa: ANN401 - one of several generated classes
    """Decode the payload of a public event."""
    return getattr(events_pb2, event["type"].rpartition(".")[2]).FromString(event["payload"])


def read_database(path: Path, tables: Iterable[str] = _TABLES) -> dict[str, list[Row]]:
    """Read tables, by default all, in one transaction, in the order of its key."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        return {table: [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")] for table in tables}  # noqa: S608 - our own names


async def read_evidence(path: Path, nats_url: str) -> Evidence:
    """Read everything."""
    client = await nats.connect(nats_url)
    try:
        inbound, outgoing = await read_stream(client, INBOUND), await read_stream(client, EVENTS)
    finally:
        await client.close()
    return Evidence(read_database(path), inbound, outgoing)


def count_rows(path: Path, table: str) -> int:
    """Count the rows of a table as it is now."""
    assert table in _TABLES, table
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
        return count


def last_position(path: Path) -> int:
    """Answer how far the log has come."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        position: int = connection.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()[0]
        return position


async def is_quiet(path: Path, client: Client) -> bool:
    """Whether nothing waits to be consumed, continued or published; meant for when nobody asks any more."""
    return not await unrest(path, client)


async def unrest(path: Path, client: Client) -> str:
    """Say what still waits; nothing if all is quiet."""
    try:
        consumer = await client.jetstream().consumer_info(INBOUND, CONSUMER)
    except NatsError as error:
        return f"the broker does not say how {CONSUMER} stands: {error!r}"
    waiting = {
        "messages not delivered": consumer.num_pending or 0,
        "messages not acknowledged": consumer.num_ack_pending or 0,
        "events not published": count_rows(path, "outbox"),
        "commands not continued": count_rows(path, "internal_commands"),
    }
    return ", ".join(f"{count} {what}" for what, count in waiting.items() if count)


async def read_stream(client: Client, name: str) -> list[Stored]:
    """Read all that a stream holds now."""
    jetstream = client.jetstream()
    count = (await jetstream.stream_info(name)).state.messages
    subscription = await jetstream.pull_subscribe("", stream=name, config=ConsumerConfig(ack_policy=AckPolicy.NONE))
    found: list[Stored] = []
    while len(found) < count:
        try:
            messages = await subscription.fetch(min(500, count - len(found)), timeout=5)
        except TimeoutError:
            raise AssertionError(f"{name} holds {count} messages, and only {len(found)} of them can be read") from None
        found += [Stored(one.metadata.sequence.stream, one.subject, dict(one.headers or {}), one.data) for one in messages]
    await subscription.unsubscribe()
    return found
