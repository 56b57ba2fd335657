"""The connection survives what happens to brokers, and says so."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from allocation.adapters.jetstream.connection import BrokerConnection
from allocation.adapters.jetstream.errors import BrokerTooOldError
from allocation.service_layer.streams import BrokerUnavailableError
from tests.faults.proxy import Proxy
from tests.nats_server import NatsServer
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


async def test_an_open_connection_is_healthy_and_a_closed_one_is_not(server: NatsServer) -> None:
    connection = BrokerConnection([server.url])
    seen = [connection.healthy]
    await connection.open()
    seen.append(connection.healthy)
    await connection.close()
    seen.append(connection.healthy)
    assert seen == [False, True, False]
    with pytest.raises(BrokerUnavailableError, match="not connected"):
        connection.client()


async def test_a_broker_that_comes_late_is_found_in_the_background(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "broker")
    connection = BrokerConnection([server.url], connect_timeout_seconds=0.3, check_interval_seconds=0.1)
    try:
        with pytest.raises(BrokerUnavailableError, match=f"no broker at 127.0.0.1:{server.port}"):
            await connection.open()
        server.start()
        assert await connection.wait_for_health(healthy=True, deadline_seconds=15)
        connection.client()
    finally:
        await connection.close()
        server.stop()


async def test_one_that_listens_and_says_nothing_is_said_to_be_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        place = "{}:{}".format(*mute.getsockname())
        connection = BrokerConnection([f"nats://{place}"], connect_timeout_seconds=0.3)
        with pytest.raises(BrokerUnavailableError) as told:
            await connection.open()
        assert str(told.value) == f"no broker at {place}: it is silent"
        await connection.close()


async def test_an_older_broker_is_refused_in_one_line(server: NatsServer) -> None:
    connection = BrokerConnection([server.url], server_version_min=(99, 0, 0))
    with pytest.raises(BrokerTooOldError) as refused:
        await connection.open()
    assert str(refused.value).startswith("nats-server 99.0.0 or newer is needed, this one is 2.")
    assert "\n" not in str(refused.value)
    with pytest.raises(BrokerTooOldError):
        connection.client()
    await connection.close()


async def test_a_broker_that_does_not_let_us_in_is_unavailable_and_says_why(tmp_path: Path) -> None:
    with NatsServer(tmp_path / "broker", settings="authorization { user: someone, password: else }") as server:
        connection = BrokerConnection([server.url], connect_timeout_seconds=0.5)
        with pytest.raises(BrokerUnavailableError, match="Authorization Violation"):
            await connection.open()
        await connection.close()


async def test_a_killed_broker_is_reported_and_found_again(server: NatsServer) -> None:
    changes: list[bool] = []
    connection = BrokerConnection([server.url], check_interval_seconds=0.1, on_health=changes.append)
    await connection.open()
    server.kill()
    assert await connection.wait_for_health(healthy=False, deadline_seconds=5)
    with pytest.raises(BrokerUnavailableError):
        connection.client()
    server.start()
    assert await connection.wait_for_health(healthy=True, deadline_seconds=15)
    await connection.client().flush()
    assert changes == [True, False, True]
    await connection.close()


async def test_a_frozen_broker_is_unhealthy_although_connected_and_the_late_pong_harms_nobody(server: NatsServer) -> None:
    connection = BrokerConnection([server.url], check_interval_seconds=0.1)
    await connection.open()
    client = connection.client()
    server.pause()
    assert await connection.wait_for_health(healthy=False, deadline_seconds=5)
    assert client.is_connected
    server.resume()
    assert await connection.wait_for_health(healthy=True, deadline_seconds=5)
    assert connection.client() is client
    assert client.stats["reconnects"] == 0
    await connection.close()


async def test_a_connection_that_carries_nothing_any_more_is_replaced_within_seconds(server: NatsServer) -> None:
    async with Proxy(server.port) as proxy:
        connection = BrokerConnection([proxy.nats_url])
        await connection.open()
        proxy.half_open()
        assert await connection.wait_for_health(healthy=False, deadline_seconds=6)
        assert await connection.wait_for_health(healthy=True, deadline_seconds=8)
        await connection.client().flush()
        await connection.close()


async def test_a_client_whose_read_loop_died_is_replaced(server: NatsServer) -> None:
    connection = BrokerConnection([server.url], check_interval_seconds=0.1, rebuild_after_seconds=0.3)
    await connection.open()
    dead = connection.client()
    assert dead._reading_task is not None  # noqa: SLF001 -- the loop dies of bugs that cannot be ordered from outside
    dead._reading_task.cancel()  # noqa: SLF001 -- the same

    async def replaced() -> bool:
        return connection.healthy and connection.client() is not dead

    await eventually(replaced)
    await connection.client().flush()

    async def closed() -> bool:
        return dead.is_closed

    await eventually(closed)
    await connection.close()


async def test_closing_does_not_wait_for_a_frozen_broker(server: NatsServer) -> None:
    connection = BrokerConnection([server.url], check_interval_seconds=0.1)
    await connection.open()
    server.pause()
    for _ in range(64):
        await connection.client().publish("somewhere", b"x" * 500_000)
    async with asyncio.timeout(5):
        await connection.close(deadline_seconds=0.5)
    server.resume()


async def test_a_client_stuck_in_a_frozen_broker_is_replaced_once_it_answers(server: NatsServer) -> None:
    connection = BrokerConnection(
        [server.url], connect_timeout_seconds=0.5, check_interval_seconds=0.1, rebuild_after_seconds=0.5
    )
    await connection.open()
    stuck = connection.client()
    server.pause()
    for _ in range(64):
        await stuck.publish("somewhere", b"x" * 500_000)
    await stuck.force_reconnect()  # As nats-py does itself after two pings without an answer: it then waits for ever.
    assert await connection.wait_for_health(healthy=False, deadline_seconds=5)
    server.resume()
    assert await connection.wait_for_health(healthy=True, deadline_seconds=15)
    await connection.client().flush()
    await connection.close()


async def test_a_listener_that_raises_changes_nothing(server: NatsServer) -> None:
    def listener(_: bool) -> None:  # noqa: FBT001 -- the signature of the hook
        raise RuntimeError("not today")

    connection = BrokerConnection([server.url], check_interval_seconds=0.1, on_health=listener)
    await connection.open()
    server.restart()
    assert await connection.wait_for_health(healthy=False, deadline_seconds=5)
    assert await connection.wait_for_health(healthy=True, deadline_seconds=15)
    await connection.close()


async def test_waiting_for_health_ends_at_its_deadline(connection: BrokerConnection) -> None:
    assert not await connection.wait_for_health(healthy=False, deadline_seconds=0.01)


async def test_a_broker_that_is_away_is_named_without_its_password() -> None:
    connection = BrokerConnection(["nats://clerk:s3cret@127.0.0.1:1", "t0ken@127.0.0.1:1"], connect_timeout_seconds=0.3)
    try:
        with pytest.raises(BrokerUnavailableError, match=r"no broker at 127\.0\.0\.1:1, 127\.0\.0\.1:1: ") as refused:
            await connection.open()
    finally:
        await connection.close()
    assert "s3cret" not in repr(refused.value)
    assert "t0ken" not in repr(refused.value)
