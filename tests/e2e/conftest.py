"""One running service for all tests that do not disturb each other, and the clients they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nats
import pytest

from tests.e2e.announcements import listening
from tests.service_process import ServiceProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from nats.aio.client import Client
    from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub

    from tests.e2e.announcements import Announcements

UNKNOWN_WAIT_SECONDS = 1.0


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service that serves all tests of the session, each with skus of its own."""
    settings = {"unknown_wait_seconds": UNKNOWN_WAIT_SECONDS}
    with ServiceProcess(tmp_path_factory.mktemp("service"), settings=settings) as running:
        yield running.start()


@pytest.fixture(scope="session")
def stub(service: ServiceProcess) -> Iterator[AllocationServiceStub]:
    """A gRPC client of the service."""
    with service.stub() as calling:
        yield calling


@pytest.fixture
async def nats_client(service: ServiceProcess) -> AsyncIterator[Client]:
    """A bare NATS client of the service's broker."""
    client = await nats.connect(service.nats_url, allow_reconnect=False)
    yield client
    await client.close()


@pytest.fixture
async def announcements(service: ServiceProcess) -> AsyncIterator[Announcements]:
    """What the service announces from the beginning of the test."""
    async with listening(service.nats_url) as heard:
        yield heard
