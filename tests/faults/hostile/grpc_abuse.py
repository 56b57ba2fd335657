"""What is done to the gRPC port with bare sockets. Each abuse keeps what it opened until its block ends."""

from __future__ import annotations

import struct
import time
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING

from grpc_health.v1.health_pb2 import HealthCheckRequest
from stock.allocation.v1.allocation_service_pb2 import AllocateRequest

from tests.faults.hostile import raw_http2 as http2
from tests.faults.hostile.garbage import mutated
from tests.faults.hostile.raw_http2 import RawConnection

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    Abuse = Callable[[str, random.Random, int], AbstractContextManager[int]]

ALLOCATE = "/stock.allocation.v1.AllocationService/Allocate"
HEALTH_WATCH = "/grpc.health.v1.Health/Watch"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
_REQUEST = AllocateRequest(order_id="hostile", sku="NOBODY-SELLS-THIS", quantity=1).SerializeToString()
_PAUSE_SECONDS = 0.001
_STREAMS = 64
_ALL_STREAMS = range(1, 2 * _STREAMS, 2)
_LARGEST = (64 << 10) - 1
_FED_SECONDS = 1.0
_CONNECTIONS_MIN = 16
"""With so many streams on each these are more calls than the service carries out at a time."""


@contextmanager
def garbage_connections(address: str, chance: random.Random, times: int) -> Iterator[int]:
    """Connect and send random bytes, every other time after a proper opening."""
    with ExitStack() as open_ones:
        for number in range(times):
            opening = http2.PREFACE + http2.settings() if number % 2 else b""
            connection = open_ones.enter_context(RawConnection(address, opening))
            connection.say(chance.randbytes(chance.randrange(1, 400)))
        yield times


@contextmanager
def mutated_requests(address: str, chance: random.Random, times: int) -> Iterator[int]:
    """Send proper requests, byte by byte what a client sends, damaged in a few places."""
    whole = http2.PREFACE + http2.settings() + http2.request(ALLOCATE, _REQUEST)
    with ExitStack() as open_ones:
        for number in range(times):
            damaged = mutated(chance, whole) if number % 2 else http2.PREFACE + mutated(chance, whole[len(http2.PREFACE) :])
            open_ones.enter_context(RawConnection(address, damaged))
        yield times


@contextmanager
def half_frames(address: str, chance: random.Random, times: int) -> Iterator[int]:
    """Begin a request and never end it: cut anywhere, left open."""
    whole = http2.PREFACE + http2.settings() + http2.request(ALLOCATE, _REQUEST)
    with ExitStack() as open_ones:
        for _ in range(times):
            open_ones.enter_context(RawConnection(address, whole[: chance.randrange(len(whole))]))
        yield times


@contextmanager
def silent_connections(address: str, _: random.Random, times: int) -> Iterator[int]:
    """Connect and say nothing."""
    with ExitStack() as open_ones:
        for _number in range(times):
            open_ones.enter_context(RawConnection(address, b""))
        yield times


@contextmanager
def slow_senders(address: str, chance: random.Random, times: int) -> Iterator[int]:
    """Claim messages just below the limit on many streams, and send them a byte at a time."""
    with ExitStack() as open_ones:
        connections = [open_ones.enter_context(RawConnection(address)) for _ in range(_connections(times))]
        for connection in connections:
            for stream in _ALL_STREAMS:
                connection.say(http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.request_headers(ALLOCATE)))
                connection.say(http2.frame(http2.DATA, 0, stream, http2.grpc_message(b"\n", claimed=_LARGEST)))
        for _ in range(times):
            stream = 2 * chance.randrange(_STREAMS) + 1
            chance.choice(connections).say(http2.frame(http2.DATA, 0, stream, b"x"))
            time.sleep(_PAUSE_SECONDS)
        yield times


@contextmanager
def big_messages_never_ended(address: str, _: random.Random, times: int) -> Iterator[int]:
    """Send as much of large messages as the server's windows let through, and keep the rest."""
    with ExitStack() as open_ones:
        for _number in range(_connections(times)):
            connection = open_ones.enter_context(RawConnection(address))
            connection.socket.settimeout(1.0)
            for stream in _ALL_STREAMS:
                connection.say(http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.request_headers(ALLOCATE)))
                connection.say(http2.frame(http2.DATA, 0, stream, http2.grpc_message(b"\n", claimed=_LARGEST)))
            for _round in range(4):
                for stream in _ALL_STREAMS:
                    connection.say(http2.frame(http2.DATA, 0, stream, b"\n" * 16_000))
        yield times


@contextmanager
def large_requests_never_ended(address: str, _: random.Random, times: int) -> Iterator[int]:
    """Send the largest requests that may be sent, but for their last byte, as fast as the server's windows let them through."""
    with ExitStack() as open_ones:
        for _number in range(_connections(times)):
            connection = open_ones.enter_context(RawConnection(address))
            for stream in _ALL_STREAMS:
                connection.say(http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.request_headers(ALLOCATE)))
            nearly = http2.grpc_message(b"\n" * (_LARGEST - 1), claimed=_LARGEST)
            http2.feed(connection, dict.fromkeys(_ALL_STREAMS, nearly), _FED_SECONDS)
        yield times


@contextmanager
def watches_never_read(address: str, _: random.Random, times: int) -> Iterator[int]:
    """Watch healths of long names with a window of nothing, so that nothing can ever be told."""
    opening = http2.PREFACE + http2.settings([(http2.INITIAL_WINDOW_SIZE, 0)])
    watched = [HealthCheckRequest(service=name).SerializeToString() for name in ("", "allocation.broker", "x" * 60_000)]
    with ExitStack() as open_ones:
        for _number in range(_connections(times)):
            connection = open_ones.enter_context(RawConnection(address, opening))
            for stream in _ALL_STREAMS:
                connection.say(http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.request_headers(HEALTH_WATCH)))
            payloads = {stream: http2.grpc_message(watched[stream // 2 % 3]) for stream in _ALL_STREAMS}
            http2.feed(connection, payloads, _FED_SECONDS)
            for stream in _ALL_STREAMS:
                connection.say(http2.frame(http2.DATA, http2.END_STREAM, stream))
        yield times


@contextmanager
def never_reading(address: str, _: random.Random, times: int) -> Iterator[int]:
    """Call with a window of nothing, so that no answer can ever be sent, and read nothing either."""
    opening = http2.PREFACE + http2.settings([(http2.INITIAL_WINDOW_SIZE, 0)])
    with ExitStack() as open_ones:
        for _number in range(_connections(times)):
            connection = open_ones.enter_context(RawConnection(address, opening))
            for stream in _ALL_STREAMS:
                connection.say(http2.request(ALLOCATE, _REQUEST, stream))
        yield times


@contextmanager
def streams_without_end(address: str, _: random.Random, times: int) -> Iterator[int]:
    """Open streams, on one connection as many as `times` and on others as many as are allowed, and end none."""
    methods = (ALLOCATE, HEALTH_WATCH, REFLECTION, "/no.such/Method")
    with ExitStack() as open_ones:
        connection = open_ones.enter_context(RawConnection(address))
        for number in range(times):
            head = http2.request_headers(methods[number % len(methods)])
            connection.say(http2.frame(http2.HEADERS, http2.END_HEADERS, 2 * number + 1, head))
        for _number in range(_connections(times)):
            connection = open_ones.enter_context(RawConnection(address))
            for stream in _ALL_STREAMS:
                connection.say(http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.request_headers(ALLOCATE)))
        yield times


@contextmanager
def rapid_resets(address: str, _: random.Random, times: int) -> Iterator[int]:
    """Begin whole requests and reset each at once."""
    reset = struct.pack(">I", http2.CANCEL)
    with RawConnection(address) as connection:
        for number in range(times):
            stream = 2 * number + 1
            if not connection.say(http2.request(ALLOCATE, _REQUEST, stream) + http2.frame(http2.RESET, 0, stream, reset)):
                break
        yield times


@contextmanager
def header_floods(address: str, _: random.Random, times: int) -> Iterator[int]:
    """Send header blocks that never end, in CONTINUATION frames."""
    filling = http2.header(b"x-filling", b"x" * 8_000)
    with ExitStack() as open_ones:
        for _number in range(_connections(times)):
            connection = open_ones.enter_context(RawConnection(address))
            connection.say(http2.frame(http2.HEADERS, 0, 1, http2.request_headers(ALLOCATE)))
            for _frame in range(_STREAMS):
                if not connection.say(http2.frame(http2.CONTINUATION, 0, 1, filling)):
                    break
        yield times


@contextmanager
def control_floods(address: str, _: random.Random, times: int) -> Iterator[int]:
    """Send pings, settings, window updates and empty data without end, and read none of the answers."""
    kinds = [
        http2.frame(http2.PING, 0, 0, b"12345678"),
        http2.settings([(http2.INITIAL_WINDOW_SIZE, 65_535)]),
        http2.frame(http2.WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)),
        http2.frame(http2.DATA, 0, 1, b""),
    ]
    for kind in kinds:
        with RawConnection(address) as connection:
            connection.socket.settimeout(1.0)
            connection.say(http2.frame(http2.HEADERS, http2.END_HEADERS, 1, http2.request_headers(ALLOCATE)))
            for _round in range(times // len(kinds) // 100):
                if not connection.say(kind * 100):
                    break
    yield times


def _connections(times: int) -> int:
    return max(_CONNECTIONS_MIN, times // _STREAMS)


ABUSES: tuple[Abuse, ...] = (
    garbage_connections,
    mutated_requests,
    half_frames,
    silent_connections,
    slow_senders,
    big_messages_never_ended,
    large_requests_never_ended,
    watches_never_read,
    never_reading,
    streams_without_end,
    rapid_resets,
    header_floods,
    control_floods,
)
