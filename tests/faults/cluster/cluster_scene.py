"""A cluster of three brokers, and the service and its load on it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.faults.scene import Scene
from tests.nats_cluster import SIZE, NatsCluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faults.fault import Trial

SERVE = ("-m", "allocation", "serve")
_STREAM_BYTES_MAX = 256 << 20


@asynccontextmanager
async def clustered(trial: Trial) -> AsyncIterator[tuple[NatsCluster, Scene]]:
    """Start all of it, with every stream on all three, and end it afterwards."""
    async with NatsCluster(trial.folder / "cluster") as cluster:
        settings = {
            "nats_urls": cluster.urls,
            "stream_replicas": SIZE,
            # Three stores reserve it on one disk.
            "inbound_stream_bytes_max": _STREAM_BYTES_MAX,
            "event_stream_bytes_max": _STREAM_BYTES_MAX,
        }
        # A client that knows one server learns of the others from it.
        with Scene(trial.folder, settings=settings, nats_url=cluster.servers[0].url, seed=trial.seed) as scene:
            await scene.start(command=SERVE)
            yield cluster, scene
