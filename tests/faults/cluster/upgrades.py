"""A newer release is started on the tables of the one before, with everything in them, while callers and publishers go on."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tests.faults.cluster.cluster_scene import SERVE
from tests.faults.cluster.former_tables import take_back
from tests.faults.cluster.progress import calls_are_answered, messages_are_consumed
from tests.faults.scene import Scene
from tests.nats_server import NatsServer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.fault import Account, Trial


async def upgrade_under_load(trial: Trial) -> Account:
    """Stop the service as an operator does, take its tables back by one revision, and start it: it brings them up to date."""
    wanted = 1 if trial.short else 15
    times = 0
    with (
        NatsServer(trial.folder / "broker") as broker,
        Scene(trial.folder, settings={"nats_urls": broker.url}, nats_url=broker.url, seed=trial.seed) as scene,
    ):
        await scene.start(command=SERVE)
        async with scene.load.going_on():
            for _ in range(wanted):
                await calls_are_answered(scene)
                await messages_are_consumed(scene)
                scene.service.send(signal.SIGTERM)
                status = await asyncio.to_thread(scene.service.wait_for_death)
                assert status == 0, f"the service ended with status {status}:\n{scene.service.log.read_text()}"
                await asyncio.to_thread(take_back, scene.service.database)
                former = _revision(scene.service.database)
                await asyncio.to_thread(scene.service.start)
                times += _revision(scene.service.database) > former
        return await scene.account(times)


def _revision(database: Path) -> str:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        revision: str = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        return revision
