"""A cluster of three brokers, and the service and its load on it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from nats.js.errors import ServiceUnavailableError

from tests.faults.scene import Scene
from tests.nats_cluster import SIZE, NatsCluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faults.fault import Account, Trial

SERVE = ("-m", "allocation", "serve")
_STREAM_BYTES_MAX = 256 << 20
_SETTLED_WITHIN_SECONDS = 120.0
_LOOK_AGAIN_SECONDS = 1.0


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


async def account_of(cluster: NatsCluster, scene: Scene, times: int) -> Account:
    """Draw up the account once the cluster is well.

    A leader that was elected a moment ago may not yet answer those who read the streams; then they are read again.
    """
    await cluster.until_healthy()
    async with asyncio.timeout(_SETTLED_WITHIN_SECONDS):
        while True:
            try:
                return await scene.account(times)
            except ServiceUnavailableError:
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
