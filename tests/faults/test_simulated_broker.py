"""The simulated broker is observed like a real nats-server, step by step; that is what makes the simulation worth anything."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import nats
import nats.errors
import pytest

from tests.faults.simulation.bench import Bench
from tests.faults.simulation.chance import Chance
from tests.faults.simulation.connection import SimulatedConnection
from tests.faults.simulation.jetstream.broker import Broker
from tests.faults.simulation.scenarios import LAST, SCENARIOS
from tests.faults.simulation.trace import Trace
from tests.faults.simulation.virtual_time import VirtualTimeLoop
from tests.nats_server import NatsServer
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Observed = dict[str, list[object]]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """What can be observed of a real server."""

    async def observe(server: NatsServer) -> Observed:
        client = await nats.connect(server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=_ignore)

        async def answers() -> bool:
            try:
                await client.request("$JS.API.INFO", timeout=0.5)
            except (nats.errors.Error, OSError):
                return False
            return True

        async def restart() -> None:
            server.restart()
            await eventually(answers)

        try:
            return await _observe(client, restart)
        finally:
            await client.close()

    with NatsServer(tmp_path_factory.mktemp("real-broker")) as server:
        return asyncio.run(observe(server))


@pytest.fixture(scope="module")
def simulated() -> Observed:
    """What can be observed of the simulated one."""

    async def observe() -> Observed:
        broker = Broker()
        trace = Trace(asyncio.get_running_loop().time, records=False)
        connection = SimulatedConnection(broker, Chance(1), trace, "bench")

        async def restart() -> None:
            broker.die()
            broker.come_back()
            await eventually(lambda: connection.healthy)

        return await _observe(connection.client(), restart)

    unhandled: list[str] = []
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(unhandled.append, lambda _: None)) as runner:
        observed = runner.run(observe())
    assert unhandled == []
    return observed


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_is_observed_as_a_real_server_in(scenario: str, real: Observed, simulated: Observed) -> None:
    assert simulated[scenario] == real[scenario]


async def _observe(
    client: Any,  # noqa: ANN401 - nats-py's or ours
    restart: Callable[[], Awaitable[None]],
) -> Observed:
    benches = {scenario: Bench(client, scenario.replace("_", "-"), restart) for scenario in SCENARIOS}
    async with asyncio.TaskGroup() as tasks:
        for scenario, bench in benches.items():
            if scenario != LAST:
                tasks.create_task(_run(scenario, bench))
    await _run(LAST, benches[LAST])
    return {scenario: bench.seen for scenario, bench in benches.items()}


async def _run(scenario: str, bench: Bench) -> None:
    try:
        await SCENARIOS[scenario](bench)
    except TimeoutError:
        bench.seen.append("and then nothing came")


async def _ignore(_: Exception) -> None:
    """A server that is being restarted is what this is about."""
