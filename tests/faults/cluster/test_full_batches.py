"""Whole batches of messages from a cluster, which says that a batch is complete before the first message of it arrives."""

from __future__ import annotations

import asyncio
import random
import signal
from typing import TYPE_CHECKING

from tests.faults.cluster.cluster_scene import clustered
from tests.faults.cluster.fast_publisher import publish_fast
from tests.faults.evidence import CONSUMER, INBOUND
from tests.faults.fault import Trial
from tests.faults.load import SEED

if TYPE_CHECKING:
    from pathlib import Path

MESSAGES = 1_000
"""Enough for some fetches of the most that the service asks for at once."""


async def test_every_message_that_waits_on_a_cluster_is_delivered_once(tmp_path: Path) -> None:
    async with clustered(Trial(tmp_path, SEED, short=True)) as (cluster, scene):
        # A message that was dropped on its way comes again while the test still waits, and is counted.
        await scene.redeliver_after(5)
        scene.service.send(signal.SIGTERM)
        await asyncio.to_thread(scene.service.wait_for_death)
        await publish_fast(cluster.servers[0].url, scene.load.ledger, MESSAGES, random.Random(SEED))  # noqa: S311 - no secret

        await asyncio.to_thread(scene.service.start)

        assert await scene.problems() == []
        async with scene.client() as client:
            consumer = await client.jetstream().consumer_info(INBOUND, CONSUMER)
        assert consumer.delivered is not None
        assert consumer.delivered.consumer_seq == MESSAGES
        assert scene.count("parked_messages") == 0
