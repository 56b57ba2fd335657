"""The broker freezes or is stopped for a while: the service goes on answering, and everything goes out afterwards."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tests.faults.scene import Scene
from tests.nats_server import NatsServer
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


async def test_every_call_is_answered_while_the_broker_is_frozen_and_everything_is_published_when_it_thaws(
    scene: Scene,
) -> None:
    await scene.start()
    broker = scene.service.broker_pid

    os.kill(broker, signal.SIGSTOP)
    try:
        await scene.load.call(calls=40)
        waiting = len(scene.tables()["outbox"])
        await eventually(lambda: scene.logged("relay stopped"))
    finally:
        os.kill(broker, signal.SIGCONT)

    assert scene.load.ledger.unanswered == 0
    assert waiting > 100
    assert await scene.problems() == []


async def test_every_call_is_answered_while_a_broker_elsewhere_is_away_and_everything_is_published_when_it_is_back(
    tmp_path: Path,
) -> None:
    with (
        NatsServer(tmp_path / "broker") as broker,
        Scene(tmp_path, settings={"nats_urls": broker.url}, nats_url=broker.url) as scene,
    ):
        await scene.start(command=("-m", "allocation", "serve"))

        broker.stop()
        await scene.load.call(calls=40)
        waiting = len(scene.tables()["outbox"])
        broker.start()
        await scene.load.run(calls=20, messages=20)

        assert scene.load.ledger.unanswered == 0
        assert waiting > 100
        assert await scene.problems() == []
