"""The proxy keeps its word: what it passes is whole and in order, what it swallows is gone, what it delays is late."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import pytest

from tests.faults.proxied_connection import Direction
from tests.faults.proxy import Proxy
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_SECONDS = 5.0


class Echo:
    """A server that answers with what it was sent, and remembers it."""

    def __init__(self) -> None:
        self.heard = b""
        self._clients: set[asyncio.StreamWriter] = set()
        self._served: set[asyncio.Task[None]] = set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._served.add(cast("asyncio.Task[None]", asyncio.current_task()))
        try:
            while chunk := await reader.read(1000):
                self.heard += chunk
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def behind_proxy(self) -> AsyncIterator[Proxy]:
        """Serve, with a proxy in front."""
        server = await asyncio.start_server(self, "127.0.0.1", 0)
        async with server:
            async with Proxy(server.sockets[0].getsockname()[1]) as proxy:
                yield proxy
                for client in self._clients:
                    client.close()
            await asyncio.gather(*self._served)

    async def client_of(self, proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect; the connection is closed with the proxy."""
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        self._clients.add(writer)
        return reader, writer


@pytest.fixture
def echo() -> Echo:
    """A server."""
    return Echo()


async def test_what_it_passes_is_whole_and_in_order(echo: Echo) -> None:
    sent = bytes(range(256)) * 2_000
    async with echo.behind_proxy() as proxy:
        reader, writer = await echo.client_of(proxy)
        writer.write(sent)

        assert await _read(reader, len(sent)) == sent
        writer.close()
        await eventually(lambda: proxy.connections == 0)

    assert (proxy.cuts, proxy.swallowed_bytes) == (0, 0)


async def test_what_it_delays_is_late_and_still_in_order(echo: Echo) -> None:
    async with echo.behind_proxy() as proxy:
        proxy.delay(0.05, jitter_seconds=0.05)
        reader, writer = await echo.client_of(proxy)
        began = asyncio.get_running_loop().time()
        for number in range(20):
            writer.write(bytes([number]) * 10)
            await writer.drain()
        answered = await _read(reader, 200)

    assert answered == b"".join(bytes([number]) * 10 for number in range(20))
    assert asyncio.get_running_loop().time() - began >= 0.1  # there and back


async def test_a_cut_connection_is_reset_and_a_new_one_is_taken(echo: Echo) -> None:
    async with echo.behind_proxy() as proxy:
        reader, writer = await echo.client_of(proxy)
        writer.write(b"before")
        await _read(reader, 6)

        proxy.cut()

        with pytest.raises(ConnectionResetError):
            await _read(reader, 1)
        reader, writer = await echo.client_of(proxy)
        writer.write(b"after")
        assert await _read(reader, 5) == b"after"
        assert proxy.cuts == 1


async def test_a_network_that_refuses_lets_nobody_in_until_it_passes_on(echo: Echo) -> None:
    async with echo.behind_proxy() as proxy:
        proxy.refuse()
        reader, _ = await echo.client_of(proxy)
        with pytest.raises(ConnectionResetError):
            await _read(reader, 1)

        proxy.pass_on()
        reader, writer = await echo.client_of(proxy)
        writer.write(b"after")
        assert await _read(reader, 5) == b"after"


async def test_dropped_replies_are_gone_though_the_request_has_arrived_and_the_connection_stays_open(echo: Echo) -> None:
    async with echo.behind_proxy() as proxy:
        reader, writer = await echo.client_of(proxy)
        proxy.drop_replies()
        writer.write(b"request")
        await eventually(lambda: proxy.swallowed_bytes == 7)
        writer.write(b"again")
        await eventually(lambda: echo.heard == b"requestagain")
        assert proxy.connections == 1

        proxy.pass_on()

        with pytest.raises(ConnectionResetError):
            await _read(reader, 1)


@pytest.mark.parametrize("directions", [(), (Direction.TO_SERVER,)])
async def test_swallowed_requests_never_arrive_and_nobody_notices(echo: Echo, directions: tuple[Direction, ...]) -> None:
    async with echo.behind_proxy() as proxy:
        reader, writer = await echo.client_of(proxy)
        writer.write(b"before")
        await _read(reader, 6)

        proxy.swallow(*directions)
        writer.write(b"gone")
        await eventually(lambda: proxy.swallowed_bytes == 4)

        assert echo.heard == b"before"
        assert proxy.connections == 1


async def test_a_half_open_connection_carries_nothing_while_a_new_one_does(echo: Echo) -> None:
    async with echo.behind_proxy() as proxy:
        _, writer = await echo.client_of(proxy)
        await eventually(lambda: proxy.connections == 1)
        proxy.half_open()
        writer.write(b"gone")
        reader, writer = await echo.client_of(proxy)
        writer.write(b"heard")

        assert await _read(reader, 5) == b"heard"
        await eventually(lambda: proxy.swallowed_bytes == 4)
        assert (echo.heard, proxy.connections) == (b"heard", 2)


async def test_a_connection_carries_no_more_than_its_limit(echo: Echo) -> None:
    async with echo.behind_proxy() as proxy:
        proxy.limit(100_000)
        reader, writer = await echo.client_of(proxy)
        began = asyncio.get_running_loop().time()
        writer.write(bytes(30_000))
        await _read(reader, 30_000)

    assert asyncio.get_running_loop().time() - began >= 0.25


async def test_nobody_behind_it_is_a_connection_reset() -> None:
    server = await asyncio.start_server(Echo(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with Proxy(port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        with pytest.raises(ConnectionResetError):
            await _read(reader, 1)
        writer.close()


async def _read(reader: asyncio.StreamReader, count: int) -> bytes:
    async with asyncio.timeout(_SECONDS):
        return await reader.readexactly(count)
