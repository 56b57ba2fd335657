"""`allocation serve`: on a broker and a database that others run, with the broker away, and on streams that others made."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import grpc
import nats
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from nats.js.api import DeliverPolicy
from stock.allocation.v1 import allocation_service_pb2 as messages

from tests.e2e.announcements import listening
from tests.e2e.command import run_allocation
from tests.nats_server import NatsServer
from tests.service_process import ServiceProcess
from tests.waiting import eventually, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVE = ("-m", "allocation", "serve")
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsServer]:
    """A broker that no service started; not running yet."""
    server = NatsServer(tmp_path / "broker")
    yield server
    server.stop()


@pytest.fixture
def serving(tmp_path: Path, broker: NatsServer) -> Iterator[ServiceProcess]:
    """`allocation serve` on that broker and on a database file outside the data folder; not running yet."""
    settings = {"nats_urls": broker.url, "database_url": f"sqlite:///{tmp_path / 'books' / 'stock.db'}", "shutdown_seconds": 2}
    with ServiceProcess(tmp_path, command=SERVE, settings=settings) as process:
        yield process


def create_batch(service: ServiceProcess, reference: str) -> None:
    with service.stub() as stub:
        stub.CreateBatch(messages.CreateBatchRequest(batch_reference=reference, sku="SMALL-TABLE", purchased_quantity=10))


def health(service: ServiceProcess, name: str) -> int:
    with grpc.insecure_channel(service.grpc_address) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
        return int(answer.status)


async def make_stream(broker: NatsServer, **settings: Any) -> None:  # noqa: ANN401 - JetStream's own JSON
    client = await nats.connect(broker.url)
    answer = await client.request(f"$JS.API.STREAM.CREATE.{settings['name']}", json.dumps(settings).encode())
    assert "error" not in json.loads(answer.data)
    await client.close()


async def assert_announced(broker: NatsServer, *references: str) -> None:
    async with listening(broker.url, "allocation.stock_changed", DeliverPolicy.ALL) as announcements:
        told = await announcements.until(lambda seen: len(seen) >= len(references))
    assert [one.event.batch_reference for one in told] == list(references)


async def test_it_serves_on_a_broker_and_a_database_of_their_own(
    tmp_path: Path, broker: NatsServer, serving: ServiceProcess
) -> None:
    broker.start()
    serving.start()
    create_batch(serving, "first")
    await assert_announced(broker, "first")
    assert serving.interrupt() == 0
    assert (tmp_path / "books" / "stock.db").exists()
    assert not serving.data_folder.exists()

    serving.start()
    create_batch(serving, "second")
    await assert_announced(broker, "first", "second")


@pytest.mark.parametrize("database_url", ["", "memory:"])
def test_it_serves_on_the_databases_that_it_names(broker: NatsServer, serving: ServiceProcess, database_url: str) -> None:
    broker.start()
    serving.settings["database_url"] = database_url
    serving.start()
    create_batch(serving, "first")
    assert serving.database.exists() is (database_url == "")
    assert serving.interrupt() == 0


async def test_it_serves_while_the_broker_is_away_and_announces_when_it_comes(
    broker: NatsServer, serving: ServiceProcess
) -> None:
    serving.start()
    create_batch(serving, "while away")
    assert health(serving, "") == SERVING
    assert health(serving, "allocation.broker") == NOT_SERVING
    broker.start()
    await assert_announced_eventually(broker, "while away")
    await eventually(lambda: health(serving, "allocation.broker") == SERVING)
    broker.stop()
    await eventually(lambda: health(serving, "allocation.broker") == NOT_SERVING)
    assert health(serving, "") == SERVING
    create_batch(serving, "away again")


async def assert_announced_eventually(broker: NatsServer, reference: str) -> None:
    client = await nats.connect(broker.url)

    async def stream_exists() -> bool:
        streams = await client.jetstream().streams_info()
        return "ALLOCATION_EVENTS" in {stream.config.name for stream in streams}

    await eventually(stream_exists)
    await client.close()
    await assert_announced(broker, reference)


async def test_a_stream_with_other_settings_is_refused_and_its_differences_printed(
    broker: NatsServer, serving: ServiceProcess
) -> None:
    broker.start()
    await make_stream(
        broker, name="ALLOCATION_EVENTS", subjects=["allocation.>"], storage="memory", retention="limits", allow_atomic=True
    )
    refused = run_allocation("serve", environment=serving.environment())
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    said = refused.stderr[refused.stderr.index("allocation: ") :].splitlines()
    assert said[0] == "allocation: stream ALLOCATION_EVENTS exists with settings that matter otherwise:"
    assert "  storage: ours file, theirs memory" in said
    assert any("--adopt" in line for line in said)

    serving.command = (*SERVE, "--adopt")
    serving.start()
    create_batch(serving, "adopted")
    await assert_announced(broker, "adopted")


def test_a_second_signal_while_it_waits_for_the_broker_leaves_no_traceback(broker: NatsServer, serving: ServiceProcess) -> None:
    broker.start()
    serving.start()
    broker.kill()
    create_batch(serving, "unpublished")
    serving.send(signal.SIGINT)
    wait_until(lambda: "shutting down" in serving.log.read_text())
    serving.send(signal.SIGINT)
    serving.send(signal.SIGTERM)
    assert serving.wait_for_death() == 0
    assert "Traceback" not in serving.log.read_text()


def test_ctrl_c_while_it_looks_for_the_broker_ends_it(tmp_path: Path, serving: ServiceProcess) -> None:
    serving.launch()
    wait_until((tmp_path / "books" / "stock.db").exists)
    serving.send(signal.SIGINT)
    assert serving.wait_for_death() == 0
    assert "Traceback" not in serving.log.read_text()
