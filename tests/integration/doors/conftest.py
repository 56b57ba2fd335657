"""Doors that are open and have nothing to do yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.doors.consuming import running_consumer
from tests.integration.doors.listening import listening_door

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.doors.consuming import Consuming
    from tests.integration.doors.listening import Door


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """A gRPC door with a batch of small tables behind it."""
    async with listening_door() as listening:
        await listening.create("batch")
        yield listening


@pytest.fixture
async def consuming() -> AsyncIterator[Consuming]:
    """A consumer that has bound its stream and waits."""
    async with running_consumer() as started:
        yield started
