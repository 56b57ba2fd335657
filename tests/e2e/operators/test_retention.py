"""Old rows are forgotten under load, and nothing is lost or done twice by it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tests.faults.evidence import CONSUMER, INBOUND
from tests.faults.scene import Scene
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from nats.aio.client import Client

ROWS = 60


async def purge_acknowledged(client: Client) -> int:
    """Have the inbound stream forget what was acknowledged, as `trim` does when it is half full; answer up to where."""
    consumer = json.loads((await client.request(f"$JS.API.CONSUMER.INFO.{INBOUND}.{CONSUMER}")).data)
    through: int = consumer["ack_floor"]["stream_seq"]
    answer = await client.request(f"$JS.API.STREAM.PURGE.{INBOUND}", json.dumps({"seq": through + 1}).encode())
    assert "error" not in json.loads(answer.data)
    return through


async def test_an_inbox_that_is_trimmed_under_load_lets_nothing_happen_twice(tmp_path: Path) -> None:
    settings = {"inbox_retention_seconds": 1, "retention_interval_seconds": 0.2}
    with Scene(tmp_path, settings=settings) as scene:
        await scene.start(command=("-m", "allocation", "dev"))
        async with scene.client() as client:
            loading = asyncio.create_task(scene.load.run(messages=120))
            purged = 0
            while not loading.done():
                purged = await purge_acknowledged(client)
                await asyncio.wait({loading}, timeout=0.2)
            await loading
            purged = await eventually(lambda: purge_acknowledged(client))
        await eventually(lambda: forgotten(scene) >= ROWS)
        assert await scene.problems(purged_through=purged) == []
        assert scene.logged("old rows were forgotten")


def forgotten(scene: Scene) -> int:
    """Answer how many rows of the inbox were forgotten, as the service has written it down."""
    with closing(sqlite3.connect(f"file:{scene.service.database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT rows FROM truncations WHERE name = 'inbox'").fetchone()
    return 0 if rows is None else int(rows[0])
