"""HTTP/2 by hand, over a bare socket: frames that no gRPC client would send, or would not send like that."""

from __future__ import annotations

import select
import socket
import struct
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GO_AWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
ACK = END_STREAM = 1
END_HEADERS = 4
CANCEL = 8
INITIAL_WINDOW_SIZE = 4
LENGTH_IN_ONE_BYTE_MAX = 126
_FRAME_HEAD_BYTES = 9
_FRAME_BYTES_MAX = 16_384
_CONNECTION_WINDOW, _STREAM_WINDOW = 65_535, 16_384
"""Those of the server at first: HTTP/2's own, and the one that our settings have it say."""
_WINDOW_SECONDS = 0.05
_PATIENCE_SECONDS = 20.0


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Write a frame."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(values: Iterable[tuple[int, int]] = ()) -> bytes:
    """Write a SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *value) for value in values))


def header(name: bytes, value: bytes) -> bytes:
    """Write a header as HPACK does without its table and without Huffman's code."""
    return b"\x00" + _length(name) + name + _length(value) + value


def request_headers(path: str, metadata: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """Write the header block of a gRPC request."""
    pairs = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b":authority", b"localhost"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
        *metadata,
    ]
    return b"".join(header(name, value) for name, value in pairs)


def grpc_message(payload: bytes, claimed: int | None = None) -> bytes:
    """Write gRPC's prefix before a message; it may claim another length than the message has."""
    return b"\x00" + struct.pack(">I", len(payload) if claimed is None else claimed) + payload


def request(path: str, payload: bytes, stream: int = 1, metadata: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """Write a whole unary request."""
    head = frame(HEADERS, END_HEADERS, stream, request_headers(path, metadata))
    return head + frame(DATA, END_STREAM, stream, grpc_message(payload))


class RawConnection:
    """A connection that says what it is told to; `refuses` turns true when the server has closed it."""

    def __init__(self, address: str, opening: bytes = PREFACE + settings()) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=_PATIENCE_SECONDS)
        self._received = b""
        self.say(opening)

    def say(self, data: bytes) -> bool:
        """Send it; False if the server has hung up, or takes no more for a long time."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def frames(self, seconds: float) -> Iterator[tuple[int, int, int, bytes]]:
        """Read frames (kind, flags, stream, payload) until the server hangs up or the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            while len(self._received) >= _FRAME_HEAD_BYTES + (length := self._next_length()):
                head, payload = self._received[:9], self._received[9 : 9 + length]
                self._received = self._received[9 + length :]
                yield head[3], head[4], struct.unpack(">I", head[5:])[0], payload
            chunk = self._receive(deadline - time.monotonic())
            if not chunk:
                return
            self._received += chunk

    def is_closed_within(self, seconds: float) -> bool:
        """Wait for the server to hang up."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                return False
            try:
                if not self.socket.recv(65_536):
                    return True
            except OSError:
                return True
        return False

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next_length(self) -> int:
        return int.from_bytes(self._received[:3]) if len(self._received) >= _FRAME_HEAD_BYTES else 1 << 30

    def _receive(self, seconds: float) -> bytes:
        if seconds <= 0 or not select.select([self.socket], [], [], seconds)[0]:
            return b""
        try:
            return self.socket.recv(65_536)
        except OSError:
            return b""


def feed(connection: RawConnection, payloads: Mapping[int, bytes], seconds: float) -> None:
    """Send on streams that are open as much as the server's windows let through, until all is sent or the time is over."""
    left = dict(payloads)
    windows = dict.fromkeys((0, *left), 0)
    windows[0], deadline = _CONNECTION_WINDOW, time.monotonic() + seconds
    for stream in left:
        windows[stream] = _STREAM_WINDOW
    while any(left.values()) and time.monotonic() < deadline:
        for stream, payload in left.items():
            portion = payload[: min(windows[0], windows[stream], _FRAME_BYTES_MAX)]
            if portion:
                connection.say(frame(DATA, 0, stream, portion))
                left[stream] = payload[len(portion) :]
                windows[0] -= len(portion)
                windows[stream] -= len(portion)
        for kind, flags, stream, payload in connection.frames(_WINDOW_SECONDS):
            if kind == WINDOW_UPDATE:
                windows[stream] = windows.get(stream, 0) + struct.unpack(">I", payload)[0]
            elif kind in (SETTINGS, PING) and not flags:
                connection.say(frame(kind, ACK, 0, payload if kind == PING else b""))


def _length(text: bytes) -> bytes:
    if len(text) <= LENGTH_IN_ONE_BYTE_MAX:
        return bytes([len(text)])
    encoded, rest = b"\x7f", len(text) - 127
    while rest > 0x7F:
        encoded, rest = encoded + bytes([rest & 0x7F | 0x80]), rest >> 7
    return encoded + bytes([rest])
