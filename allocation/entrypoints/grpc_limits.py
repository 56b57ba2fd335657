"""What the gRPC port lets a stranger have of it: streams, bytes, connections and time."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_METADATA_BYTES_MAX = 16 * 1024
_STREAMS_PER_CONNECTION_MAX = 64
_WINDOW_BYTES = 16 * 1024
_REQUEST_BYTES_MAX = 64 * 1024
_PENDING_CALLS_MAX = 8_192
_HANDSHAKE_SECONDS_MAX = 10
_IDLE_SECONDS_MAX = 5 * 60
_AGE_SECONDS_MAX, _AGE_GRACE_SECONDS = 30 * 60, 60
_PING_SECONDS, _PONG_SECONDS_MAX = 60, 20
_DESCRIPTORS_KEPT_BACK = 128
_CONNECTIONS_MAX = 4_096


def limits() -> Iterator[tuple[str, int]]:
    """Answer gRPC's options: none of its own defaults for these is for a service that strangers can reach."""
    # With SO_REUSEPORT a second server would start silently and take half of the calls.
    yield "grpc.so_reuseport", 0
    yield "grpc.max_metadata_size", _METADATA_BYTES_MAX
    yield "grpc.absolute_max_metadata_size", _METADATA_BYTES_MAX
    # More calls than that wait at their caller, where its deadline ends them, and not here. A call takes some 5 ms: one
    # connection may ask for more than the service carries.
    yield "grpc.max_concurrent_streams", _STREAMS_PER_CONNECTION_MAX
    # Else a stream that was opened as another ended is refused now and then, although its caller keeps the limit.
    yield "grpc.http.overload_protection", 0
    # The largest request that keeps the contract has some 3 kB. With gRPC's 4 MB one connection could make us hold a gigabyte,
    # in requests that it never ends or in the names that it watches.
    yield "grpc.max_receive_message_length", _REQUEST_BYTES_MAX
    # What a stream may hold that nobody has read yet; gRPC would begin with 64 kB, and let it grow with what it takes for a
    # fast network.
    yield "grpc.http2.lookahead_bytes", _WINDOW_BYTES
    yield "grpc.http2.bdp_probe", 0
    # What waits to be taken in: the streams of 128 connections. Above 1,000 gRPC would begin to end some of them at random,
    # as CANCELLED; it ends as CANCELLED all that come beyond this, each of which holds some 14 kB.
    yield "grpc.server.max_pending_requests", _PENDING_CALLS_MAX
    yield "grpc.server.max_pending_requests_hard_limit", _PENDING_CALLS_MAX
    # Whoever connects and says nothing is gone after this, not after two minutes.
    yield "grpc.server_handshake_timeout_ms", _HANDSHAKE_SECONDS_MAX * 1_000
    # Whoever calls nothing any more gives the descriptor back; gRPC's clients connect again by themselves.
    yield "grpc.max_connection_idle_ms", _IDLE_SECONDS_MAX * 1_000
    # The only bound on a request that is sent for ever, and on a stream whose answer is never read.
    yield "grpc.max_connection_age_ms", _AGE_SECONDS_MAX * 1_000
    yield "grpc.max_connection_age_grace_ms", _AGE_GRACE_SECONDS * 1_000
    # A peer whose machine vanished is found out in minutes, not in two hours.
    yield "grpc.keepalive_time_ms", _PING_SECONDS * 1_000
    yield "grpc.keepalive_timeout_ms", _PONG_SECONDS_MAX * 1_000
    # One connection more is closed at once; without this the service would have no descriptor left for anything else.
    yield "grpc.max_allowed_incoming_connections", _connections_max()


def _connections_max() -> int:
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return _CONNECTIONS_MAX
    return max(1, min(_CONNECTIONS_MAX, descriptors - _DESCRIPTORS_KEPT_BACK))
