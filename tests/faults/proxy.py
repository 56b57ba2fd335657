"""A small TCP proxy between two parts of the scene, which can be as cruel as a network: cut, swallow, delay, throttle.

It stands between the service and a broker (`nats_urls` is its `nats_url`), or between callers and the service. A broker of a
cluster must not advertise its own address (`no_advertise`), or clients find the way around the proxy.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Self

from tests.faults.proxied_connection import Connection, Direction, Link, reset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.faults.proxied_connection import Sieve


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes on what comes to `port`, in the way that it is told to.

    A change is felt at once, by open connections too. A connection of which bytes were swallowed can never be sound again:
    it is cut when the network is. `sieve` makes what looks through the bytes that go to a client, for each connection.
    """

    def __init__(self, port: int, *, seed: int = 0, sieve: Callable[[], Sieve] | None = None) -> None:
        self.links: dict[Direction, Link] = dict.fromkeys(Direction, Link())
        self.cuts = 0
        self.swallowed_bytes = 0
        self.refuses = False
        self._target_port = port
        self._chance = random.Random(f"{seed} proxy")  # noqa: S311 - varies the network, keeps no secret
        self._sieve = sieve
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> Self:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def close(self) -> None:
        """Cut everything and listen no more."""
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None, "the proxy was not started"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def address(self) -> str:
        """Where callers find it."""
        return f"127.0.0.1:{self.port}"

    @property
    def nats_url(self) -> str:
        """Where clients of a broker find it."""
        return f"nats://{self.address}"

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def pass_on(self) -> None:
        """Be a good network again; connections of which bytes were swallowed are cut."""
        self.links = dict.fromkeys(Direction, Link())
        self.refuses = False
        self._cut(connection for connection in self._connections if connection.is_torn)

    def cut(self) -> None:
        """Reset all connections; new ones are taken."""
        self._cut(self._connections)

    def refuse(self) -> None:
        """Reset all connections, and every new one."""
        self.refuses = True
        self.cut()

    def swallow(self, *directions: Direction) -> None:
        """Keep connections open and swallow what they carry, both ways if none is named."""
        for direction in directions or tuple(Direction):
            self.links[direction] = Link(swallows=True)

    def half_open(self) -> None:
        """Let the connections that are open now carry nothing any more, though they stay; new ones are sound."""
        for connection in self._connections:
            connection.tear()

    def drop_replies(self) -> None:
        """Pass on what is asked, and swallow what is answered."""
        self.swallow(Direction.TO_CLIENT)

    def delay(self, seconds: float, jitter_seconds: float = 0.0) -> None:
        """Pass everything on late, both ways."""
        self.links = dict.fromkeys(Direction, Link(delay_seconds=seconds, jitter_seconds=jitter_seconds))

    def limit(self, bytes_per_second: int) -> None:
        """Let no connection carry more than so much, each way."""
        self.links = dict.fromkeys(Direction, Link(bytes_per_second=bytes_per_second))

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _cut(self, connections: Iterable[Connection]) -> None:
        for connection in list(connections):
            self.cuts += 1
            connection.cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.refuses:
            reset(writer)
            return
        try:
            to_server = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            reset(writer)
            return
        connection = Connection(self, (reader, writer), to_server, self._sieve() if self._sieve else None)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    def lateness(self, link: Link) -> float:
        """Draw how late a chunk is."""
        return link.delay_seconds + self._chance.random() * link.jitter_seconds
