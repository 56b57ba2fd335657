"""One service that the tests of a module abuse one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.service_process import ServiceProcess

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service of this module's own; nothing in its log may be a crash of ours."""
    with ServiceProcess(tmp_path_factory.mktemp("service"), settings={"unknown_wait_seconds": 1}) as running:
        yield running.start()
        log = running.log.read_text(errors="backslashreplace")  # gRPC's core quotes bytes as they came.
        crashes = [line for line in log.splitlines() if "crashed" in line or '"level": "error"' in line]
        assert crashes == []
