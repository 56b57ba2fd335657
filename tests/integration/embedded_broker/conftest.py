"""A folder and a port of its own for every test, and the end of every process that a test left behind."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.integration.embedded_broker.processes import WITHIN_SECONDS, running_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Where a data folder can be made; whatever still runs in it afterwards is killed by its pid."""
    yield tmp_path / "data"
    deadline = time.monotonic() + WITHIN_SECONDS
    while left_behind := running_in(tmp_path):
        assert time.monotonic() < deadline, left_behind
        for process in left_behind:
            with suppress(psutil.NoSuchProcess):
                process.kill()
