"""One connection through the proxy, and how bytes fare on it."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHUNK_BYTES = 65_536
_CHUNKS_ON_THE_WAY_MAX = 256
_STEPS_PER_SECOND = 20
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Direction(Enum):
    """Which way bytes go."""

    TO_SERVER = "to the server"
    TO_CLIENT = "to the client"


@dataclass(frozen=True, slots=True)
class Link:
    """How bytes fare in one direction: late by the delay and up to the jitter more, never out of order, or not at all.

    `bytes_per_second` is the limit of one connection; 0: none.
    """

    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0
    bytes_per_second: int = 0
    swallows: bool = False


class Sieve(Protocol):
    """Takes messages out of the bytes of one direction of one connection; what it answers is passed on."""

    def __call__(self, chunk: bytes) -> bytes:
        """Take in the next bytes, and answer those that may pass."""


class Network(Protocol):
    """What a connection needs to know of the network, at any moment, and tells it."""

    swallowed_bytes: int

    @property
    def links(self) -> Mapping[Direction, Link]:
        """How bytes fare in each direction now."""

    def lateness(self, link: Link) -> float:
        """Draw how late a chunk is."""


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Chunk = tuple[float, bytes]


class Connection:
    """One connection through the proxy: two pumps, each with a queue of what is on the way."""

    def __init__(self, network: Network, client: Streams, server: Streams, sieve: Sieve | None) -> None:
        self._torn: set[Direction] = set()
        self._network = network
        self._client, self._server = client, server
        self._sieve = sieve
        self._over = asyncio.Event()

    @property
    def is_torn(self) -> bool:
        """Whether bytes of it were swallowed."""
        return bool(self._torn)

    async def run(self) -> None:
        """Pass on until either side closes or the connection is cut."""
        (from_client, to_client), (from_server, to_server) = self._client, self._server
        ways = ((Direction.TO_SERVER, from_client, to_server), (Direction.TO_CLIENT, from_server, to_client))
        pumps = []
        for direction, reader, writer in ways:
            chunks: asyncio.Queue[Chunk | None] = asyncio.Queue(_CHUNKS_ON_THE_WAY_MAX)
            pumps.append(asyncio.create_task(self._take(direction, reader, chunks)))
            pumps.append(asyncio.create_task(self._give(direction, writer, chunks)))
        over = asyncio.create_task(self._over.wait())
        # A pump that gives ends when all that was on the way has arrived; one that takes leaves that to it.
        await asyncio.wait({over, pumps[1], pumps[3]}, return_when=asyncio.FIRST_COMPLETED)
        for task in (over, *pumps):
            task.cancel()
        await asyncio.wait({over, *pumps})
        for writer in (to_client, to_server):
            if self._over.is_set():
                reset(writer)
            else:
                writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def tear(self) -> None:
        """Swallow everything from now on, both ways."""
        self._torn |= set(Direction)

    def cut(self) -> None:
        """Reset both sides; what is on the way is lost."""
        self._over.set()

    async def _take(self, direction: Direction, reader: asyncio.StreamReader, chunks: asyncio.Queue[Chunk | None]) -> None:
        arrives_at = 0.0
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                link = self._network.links[direction]
                if self._swallows(direction, chunk):
                    continue
                if self._sieve is not None and direction is Direction.TO_CLIENT:
                    chunk = self._sieve(chunk)
                # Never before the one ahead of it: TCP keeps the order, however late.
                arrives_at = max(arrives_at, _now() + self._network.lateness(link))
                await chunks.put((arrives_at, chunk))
        await chunks.put(None)

    async def _give(self, direction: Direction, writer: asyncio.StreamWriter, chunks: asyncio.Queue[Chunk | None]) -> None:
        with suppress(OSError):
            while (arrival := await chunks.get()) is not None:
                arrives_at, chunk = arrival
                await asyncio.sleep(max(0.0, arrives_at - _now()))
                if self._swallows(direction, chunk):
                    continue
                limit = self._network.links[direction].bytes_per_second
                step = max(1, limit // _STEPS_PER_SECOND) if limit else len(chunk)
                for begin in range(0, len(chunk), step or 1):
                    writer.write(chunk[begin : begin + step])
                    await writer.drain()
                    await asyncio.sleep(step / limit if limit else 0)

    def _swallows(self, direction: Direction, chunk: bytes) -> bool:
        """Swallow a chunk if it is to be; what comes after a gap would be no sound stream, and is swallowed too."""
        if not self._network.links[direction].swallows and direction not in self._torn:
            return False
        self._torn.add(direction)
        self._network.swallowed_bytes += len(chunk)
        return True


def reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side is told at once that the connection is gone, not that it was finished."""
    connection: socket.socket | None = writer.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


def _now() -> float:
    return asyncio.get_running_loop().time()
