"""A broker and a connection for each test; both end with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from allocation.adapters.jetstream.connection import BrokerConnection
from allocation.adapters.jetstream.events import JetStreamEvents
from allocation.adapters.jetstream.inbound import JetStreamInbound
from tests.integration.jetstream.examples import EVENTS, INBOUND
from tests.nats_server import NatsServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A running broker with an empty store."""
    with NatsServer(tmp_path / "broker") as running:
        yield running


@pytest.fixture
async def connection(server: NatsServer) -> AsyncIterator[BrokerConnection]:
    """An open connection that is quick to despair."""
    opened = BrokerConnection([server.url], request_timeout_seconds=1.0, check_interval_seconds=0.2)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def inbound(connection: BrokerConnection) -> AsyncIterator[JetStreamInbound]:
    """The inbound stream, bound."""
    stream = JetStreamInbound(connection, INBOUND, wait_seconds=1.0, heartbeat_seconds=0.3)
    await stream.bind()
    yield stream
    await stream.close()


@pytest.fixture
async def events(connection: BrokerConnection) -> JetStreamEvents:
    """The event stream, bound."""
    stream = JetStreamEvents(connection, EVENTS)
    await stream.bind()
    return stream
