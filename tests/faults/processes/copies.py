"""The broker, or the database, is put back to an older copy of itself; operators and publishers do what the documents ask."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psutil

from examples.world.processes import dying_with_us
from tests.faults.evidence import EVENTS, INBOUND, read_stream
from tests.faults.problem import Kind, Problem
from tests.faults.processes.brokers import on_a_broker
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.fault import Account, Trial
    from tests.faults.scene import Scene
    from tests.nats_server import NatsServer

_FOUND, _ALL = 3, "1000000"
_BEHIND = "the database is behind its consumer"
_CALLS = 15
_PAUSE_SECONDS = 0.05
"""Between two requests of each: what is lost is sent again, and read, more often than it is asked for."""
_TOOL_SECONDS, _WAIT = 180.0, "150"


async def broker_restored(trial: Trial) -> Account:
    """Put the broker back to a copy, taken while it was frozen: what it lost is published, and sent, again.

    Publishers give every message an identity, and publish in their order what the copy does not hold, at once: so the stream is
    longer again than the service has known it, often before the service sees it. An operator has the events sent again that are
    missing.
    """
    times = 1 if trial.short else 8
    re_emitted: set[str] = set()
    published_again = 0
    async with on_a_broker(trial, identified=True) as (broker, scene):
        async with scene.load.going_on(pause_seconds=_PAUSE_SECONDS):
            for number in range(times):
                await scene.more("inbox", 20)
                copy = trial.folder / f"copy-{number}"
                await asyncio.to_thread(_copy_of, broker, copy)
                await scene.more("inbox", 30)
                async with scene.load.holding_back():
                    await asyncio.to_thread(_put_back, broker, copy)
                    async with scene.client() as client:
                        published_again += await scene.load.publish_again(await read_stream(client, INBOUND))
                await scene.until_life(INBOUND, number + 2)
                re_emitted |= await _sent_again(scene)
            await scene.more("inbox", 20)
        account = await scene.account(times, re_emitted=re_emitted, restored=True)
    if len(re_emitted) < times or published_again < times:
        harmless = f"{len(re_emitted)} events and {published_again} messages were not in the copies: they were hardly older"
        account = replace(account, problems=(*account.problems, Problem(Kind.WRONG, harmless)))
    return account


async def database_restored(trial: Trial) -> Account:
    """Put the database back to a copy, taken while the service wrote: what messages did since is done again.

    Calls that were answered since are lost by nature, and struck out of the ledger. The operator has the messages delivered
    again that the service names when it starts.
    """
    times = 1 if trial.short else 12
    lost_past: list[range] = []
    async with on_a_broker(trial) as (_, scene):
        async with scene.load.going_on(callers=0, managers=0):
            for number in range(times):
                await scene.load.call(calls=_CALLS, managers=1)
                copy, mark = trial.folder / f"copy-{number}.sqlite3", scene.load.ledger.mark()
                last_before = await _last_event(scene)
                await asyncio.to_thread(_back_up, scene.service.database, copy)
                await scene.load.call(calls=_CALLS, managers=1)
                await scene.more("inbox", 30)
                await asyncio.to_thread(scene.service.kill)
                scene.load.ledger.forget_calls_after(mark)
                lost_past.append(range(last_before + 1, await _last_event(scene) + 1))
                for file in scene.service.data_folder.glob(f"{scene.service.database.name}*"):
                    file.unlink()
                await asyncio.to_thread(shutil.copy, copy, scene.service.database)
                await asyncio.to_thread(scene.service.start)
                await _deliver_again(scene, number)
            await scene.load.call(calls=_CALLS, managers=1)
        return await scene.account(times, lost_past=lost_past)


def _copy_of(broker: NatsServer, copy: Path) -> None:
    broker.pause()
    try:
        # The signal is only on its way: until all of its threads have stopped, files may come and go.
        wait_until(lambda: psutil.Process(broker.pid).status() == psutil.STATUS_STOPPED)
        shutil.copytree(broker.store, copy)
    finally:
        broker.resume()


def _put_back(broker: NatsServer, copy: Path) -> None:
    broker.kill()
    broker.forget_everything()
    shutil.copytree(copy, broker.store)
    broker.start()


def _back_up(database: Path, copy: Path) -> None:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


async def _sent_again(scene: Scene) -> set[str]:
    """Have what is missing sent again, and answer the ids of that."""
    found = await _told(scene, "outbox", "verify", "--limit", _ALL, statuses=(0, _FOUND))
    told = await _told(scene, "outbox", "re-emit", "--yes", "--wait", _WAIT, "--limit", _ALL) if found["missing"] else None
    assert told is None or told["after"]["missing"] == 0, told
    return {event["event_id"] for event in found["missing_events"]}


async def _deliver_again(scene: Scene, number: int) -> None:
    """Do what the service says when it finds itself behind its consumer: deliver again from where the copy ends."""
    await scene.said(_BEHIND, number + 1)
    warnings = [json.loads(line) for line in scene.service.log.read_text().splitlines() if _BEHIND in line]
    program, *command = shlex.split(warnings[-1]["command"])
    assert program == "allocation", command
    await _told(scene, *command, "--yes")
    await scene.redeliver_after(1)


async def _told(scene: Scene, *arguments: str, statuses: tuple[int, ...] = (0,)) -> Any:  # noqa: ANN401 - JSON
    """Run a tool of the operators, and answer what it says; with a service under load that may take a while."""
    command = [sys.executable, "-m", "allocation", *arguments, "--json"]
    tool = await asyncio.create_subprocess_exec(
        *dying_with_us(command), env=scene.service.environment(), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(_TOOL_SECONDS):
            said, complained = await tool.communicate()
    finally:
        if tool.returncode is None:
            tool.kill()
            await tool.wait()
    assert tool.returncode in statuses, f"{arguments} ended with {tool.returncode}:\n{complained.decode()}\n{said.decode()}"
    return json.loads(said)


async def _last_event(scene: Scene) -> int:
    async with scene.client() as client:
        last: int = (await client.jetstream().stream_info(EVENTS)).state.last_seq
        return last
