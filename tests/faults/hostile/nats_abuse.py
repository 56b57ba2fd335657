"""What is done to the inbound stream: by NATS's own protocol, by hand, so that headers can be anything."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.faults.hostile.garbage import garbage, golden_messages

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

SUBJECTS = ("batch.created", "batch.quantity.changed", "order.placed")
NEVER_A_MESSAGE = b"\x0a\x7f"
"""A field that is said to be longer than what follows: whatever comes after it, if that is short, this cannot be decoded."""
_HEAD = b"NATS/1.0"
_CONNECT = b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n'
_PATIENCE_SECONDS = 60.0
_HEADERS_BYTES_MAX = 60_000
STATUS_LINES = (b" \xff\xff\xff\r\n", b" 404 \xff\xfe\r\n", b" 408 Requests Pending\r\n", b"\r\nStatus: 100\r\n")
"""As the broker itself sends them: a client that takes these for the broker's own words loses the message."""
HEADERS = (
    b"",
    b"\r\nce-subject: \xff\xfe\r\n",
    b"\r\nno colon\r\n",
    b"\r\n: no name\r\n",
    b"\r\n\xff\xff: a\r\n",
    b"\r\na: b\r\n c: folded\r\n",
    b"\r\nx-zero: \x00\r\n",
    b"\r\nx-surrogate: \xed\xa0\x80\r\n",
    b"\r\nx-long: " + b"y" * _HEADERS_BYTES_MAX + b"\r\n",
    b"\r\n" + b"".join(b"x-%d: y\r\n" % number for number in range(3_000)),
)


class RawPublisher:
    """Publishes to JetStream's subjects and waits for no ack, only for the server to have read everything."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
        self._file = self._socket.makefile("rb")
        self._file.readline()
        self._socket.sendall(_CONNECT)

    def publish(self, subject: str, payload: bytes, headers: bytes = b"") -> None:
        """Publish; `headers` are what follows the protocol's name, byte by byte."""
        block = _HEAD + headers + b"\r\n"
        command = f"HPUB {subject} {len(block)} {len(block) + len(payload)}\r\n".encode()
        self._socket.sendall(command + block + payload + b"\r\n")

    def flush(self) -> None:
        """Wait until the server has read everything. Raises AssertionError if it complains."""
        self._socket.sendall(b"PING\r\n")
        while (line := self._file.readline()) != b"PONG\r\n":
            if line == b"PING\r\n":
                self._socket.sendall(b"PONG\r\n")
            elif not line or line.startswith(b"-ERR"):
                raise AssertionError(f"the broker said {line!r}")

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()


@contextmanager
def publishing(port: int) -> Iterator[RawPublisher]:
    """Connect, publish in the block, and wait until the server has read it."""
    publisher = RawPublisher(port)
    try:
        yield publisher
        publisher.flush()
    finally:
        publisher.close()


def publish_garbage(port: int, chance: random.Random, times: int, headers: tuple[bytes, ...] = HEADERS) -> int:
    """Publish what can be no message, under headers of every kind, and answer how many."""
    made = garbage(chance, [payload for payloads in golden_messages().values() for payload in payloads])
    with publishing(port) as publisher:
        for number in range(times):
            publisher.publish(chance.choice(SUBJECTS), NEVER_A_MESSAGE + next(made)[:100], headers[number % len(headers)])
    return times
