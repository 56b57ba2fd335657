"""Three nats-servers of a test's own that are one cluster on 127.0.0.1, each with ports and a store of its own."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import nats

from tests.nats_server import NatsServer
from tests.ports import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from nats.aio.client import Client

SIZE = 3
_HEALTHY_WITHIN_SECONDS = 60.0
_RETIRES_WITHIN_SECONDS = 60.0


class NatsCluster:
    """Servers `0` to `2`; each can be killed, frozen, retired and started again, in threads so that the load goes on.

    The threads are those of the event loop, and the servers end with the thread that started them: use it as an asynchronous
    context manager, inside one loop.
    """

    def __init__(self, folder: Path) -> None:
        routes = [free_port() for _ in range(SIZE)]
        self._monitors = [free_port() for _ in range(SIZE)]
        self.servers = [
            NatsServer(
                folder / f"server-{number}",
                settings=_settings(number, routes, self._monitors[number]),
                deadline_seconds=_RETIRES_WITHIN_SECONDS,
            )
            for number in range(SIZE)
        ]

    @property
    def urls(self) -> str:
        """Where clients connect, separated by commas."""
        return ",".join(server.url for server in self.servers)

    async def start(self, numbers: tuple[int, ...] = tuple(range(SIZE))) -> None:
        """Start these servers at once; each listens afterwards, whether it has a quorum or not."""
        await asyncio.gather(*(asyncio.to_thread(self.servers[number].start) for number in numbers))

    async def kill(self, *numbers: int) -> None:
        """Kill these servers at once."""
        await asyncio.gather(*(asyncio.to_thread(self.servers[number].kill) for number in numbers))

    async def retire(self, number: int) -> None:
        """End one server as before an upgrade."""
        await asyncio.to_thread(self.servers[number].retire)

    async def until_healthy(self) -> None:
        """Wait until every server says that it is up to date with the others."""
        await eventually(lambda: asyncio.to_thread(self._are_healthy), _HEALTHY_WITHIN_SECONDS)

    async def leader_of(self, stream: str, consumer: str = "") -> int:
        """Answer the number of the server that leads a stream, or a consumer of it."""
        question = f"CONSUMER.INFO.{stream}.{consumer}" if consumer else f"STREAM.INFO.{stream}"
        return await eventually(lambda: self._ask_for_leader(question), _HEALTHY_WITHIN_SECONDS) - 1

    async def step_down(self, stream: str, consumer: str = "") -> bool:
        """Ask for another leader of a stream, or of a consumer of it; answer whether the cluster agreed."""
        asked = f"CONSUMER.LEADER.STEPDOWN.{stream}.{consumer}" if consumer else f"STREAM.LEADER.STEPDOWN.{stream}"
        async with self.client() as client:
            answer = await client.request(f"$JS.API.{asked}", timeout=5)
        return bool(json.loads(answer.data).get("success"))

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Connect a bare client for a moment, to whichever server is there."""
        client = await nats.connect([server.url for server in self.servers])
        try:
            yield client
        finally:
            await client.close()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.callback(self._kill_all)
            await self.start()
            await self.until_healthy()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _kill_all(self) -> None:
        for server in self.servers:
            server.kill()

    def _are_healthy(self) -> bool:
        return all(map(_is_healthy, self._monitors))

    async def _ask_for_leader(self, question: str) -> int:
        """Answer one more than the number of the leader, 0 while there is none."""
        try:
            async with self.client() as client:
                answer: dict[str, Any] = json.loads((await client.request(f"$JS.API.{question}", timeout=1)).data)
        except (nats.errors.Error, OSError):
            return 0
        leader = answer.get("cluster", {}).get("leader", "")
        return int(leader.rpartition("-")[2]) + 1 if leader else 0


def _is_healthy(monitor: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{monitor}/healthz", timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def _settings(number: int, routes: list[int], monitor: int) -> str:
    others = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
    return (
        f'server_name: "server-{number}"\n'
        f'http: "127.0.0.1:{monitor}"\n'
        # The least that a server accepts; its clients leave in the seconds after the grace period.
        'lame_duck_duration: "30s"\nlame_duck_grace_period: "1s"\n'
        f'cluster {{ name: "rig", listen: "127.0.0.1:{routes[number]}", routes: [{others}] }}\n'
    )
