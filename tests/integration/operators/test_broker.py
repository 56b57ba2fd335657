"""Operators' tools say at once that no broker is there, and find the one that is."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from allocation.adapters.jetstream.presence import nobody_listens
from allocation.bootstrap import admin_alone
from allocation.operators.broker import connected
from allocation.service_layer.streams import BrokerUnavailableError
from allocation.settings import Settings
from tests.nats_server import NatsServer
from tests.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

AT_ONCE_SECONDS = 1.0
"""A client of NATS that is left to itself tries for two seconds at least."""


async def test_where_nobody_listens_those_who_look_are_told_at_once() -> None:
    settings = Settings(nats_port=free_port())
    with pytest.raises(BrokerUnavailableError, match=f"no broker at 127.0.0.1:{settings.nats_port}: .*ALLOCATION_NATS_URLS"):
        async with asyncio.timeout(AT_ONCE_SECONDS), connected(settings):
            pass


async def test_where_nobody_listens_those_who_write_are_told_at_once() -> None:
    settings = Settings(nats_port=free_port(), database_url="memory:")
    with pytest.raises(BrokerUnavailableError, match=f"no broker at 127.0.0.1:{settings.nats_port}: "):
        async with asyncio.timeout(AT_ONCE_SECONDS), admin_alone(settings, needs_broker=True):
            pass


async def test_those_who_write_find_the_broker_where_those_who_look_find_it(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as broker:
        of_dev = Settings(nats_port=broker.port, database_url="memory:")
        named = Settings(nats_urls=broker.url, nats_port=free_port(), database_url="memory:")
        for settings in (of_dev, named):
            async with connected(settings) as connection:
                assert connection.healthy
            async with admin_alone(settings, needs_broker=True) as address:
                assert address.startswith("127.0.0.1:")


async def test_one_that_listens_is_enough() -> None:
    away = [f"nats://127.0.0.1:{free_port()}" for _ in range(2)]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert await nobody_listens([away[0], f"127.0.0.1:{port}", away[1]]) == ""
    told = await nobody_listens(away)
    assert told.startswith("no broker at ")
    assert all(url.removeprefix("nats://") in told for url in away)


async def test_a_broker_that_is_frozen_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as broker:
        broker.pause()
        told = f"no broker at 127.0.0.1:{broker.port}: something listens there, and does not answer in time as a broker does"
        with pytest.raises(BrokerUnavailableError, match=told):
            async with connected(Settings(nats_urls=f"nats://somebody:secret@127.0.0.1:{broker.port}")):
                pass


async def test_what_is_no_place_is_left_to_who_would_connect_to_it() -> None:
    assert await nobody_listens(["nats://127.0.0.1:no-port"]) == ""
