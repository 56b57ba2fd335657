"""One life of the service: composed of its real parts on what is simulated, ended in order or by kill -9."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from allocation.adapters.jetstream.configuration import EventConfiguration, InboundConfiguration
from allocation.adapters.jetstream.events import JetStreamEvents
from allocation.adapters.jetstream.inbound import JetStreamInbound
from allocation.composition import Surroundings, compose
from allocation.connections import Adapters
from allocation.contract.inward import INBOUND_SUBJECTS
from allocation.contract.outward import OUTBOUND_SUBJECTS
from allocation.service_layer.streams import BrokerUnavailableError
from allocation.settings import Settings
from tests.faults.simulation.connection import SimulatedConnection
from tests.faults.simulation.door import SimulatedListener
from tests.faults.simulation.jetstream.wire import wall_clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from allocation.adapters.jetstream.connection import BrokerConnection
    from allocation.entrypoints.grpc_server import AllocationService
    from allocation.service_layer.views import Reader
    from tests.faults.simulation.plan import Plan
    from tests.faults.simulation.store import UncertainStore
    from tests.faults.simulation.world import World

_LIFE: ContextVar[Life | None] = ContextVar("life", default=None)
_TASKS_KEPT = 512


def note_task(task: asyncio.Task[Any]) -> None:
    """Remember a task with the life of the service in which it was made."""
    life = _LIFE.get()
    if life is not None:
        life.note(task)


class Life:
    """One process of the service, as far as anybody else can tell."""

    def __init__(self, world: World, name: str, *, reaches_broker: bool = True) -> None:
        self._world = world
        self._tasks: list[asyncio.Task[Any]] = []
        self._stopping = asyncio.Event()
        self.is_alive = True
        self.store: UncertainStore = world.open_store(self.kill)
        self.connection = SimulatedConnection(world.broker, world.chance, world.trace, name, connects=reaches_broker)
        self.listener: SimulatedListener | None = None
        self._main = self.within(lambda: asyncio.get_running_loop().create_task(self._run()))
        self._main.add_done_callback(self._ended)

    @property
    def is_serving(self) -> bool:
        """Whether it can be called."""
        return self.is_alive and self.listener is not None and self.listener.serves

    def within(self, make: Callable[[], asyncio.Task[Any]]) -> asyncio.Task[Any]:
        """Make a task that is a part of this life."""
        token = _LIFE.set(self)
        try:
            return make()
        finally:
            _LIFE.reset(token)

    def note(self, task: asyncio.Task[Any]) -> None:
        """Take up a task that has to die with this life."""
        self._tasks.append(task)
        if len(self._tasks) > _TASKS_KEPT:
            self._tasks = [one for one in self._tasks if not one.done()]

    def kill(self, how: str) -> None:
        """End it as kill -9 does: nothing of it has any effect from now on."""
        if not self.is_alive:
            return
        self._world.trace.add("killed", how)
        self._end()

    def stop(self) -> None:
        """Ask it to end in order."""
        self._stopping.set()

    def _end(self) -> None:
        self.is_alive = False
        self.store.is_dead = True
        self.connection.close()
        if self.listener is not None:
            self.listener.serves = False
        for task in self._tasks:
            task.cancel()
        self._world.life_ended(self)

    def _ended(self, main: asyncio.Task[None]) -> None:
        if not self.is_alive:
            return
        error = None if main.cancelled() else main.exception()
        if error is not None or not self._stopping.is_set():
            self._world.complain(f"the service died of itself: {error!r}")
        self._end()

    async def _run(self) -> None:
        world = self._world
        connection = cast("BrokerConnection", self.connection)
        limits = world.plan.limits
        inbound = JetStreamInbound(
            connection,
            InboundConfiguration(
                INBOUND_SUBJECTS,
                ack_pending_max=limits.ack_pending_max,
                ack_wait_seconds=limits.ack_wait_seconds,
                bytes_max=world.plan.inbound_bytes_max,
            ),
        )
        events = JetStreamEvents(connection, EventConfiguration(OUTBOUND_SUBJECTS))
        with suppress(BrokerUnavailableError):
            await inbound.bind()
            await events.bind()
        adapters = world.variant.adapters(
            Adapters(self.store, cast("Reader", self.store), inbound, events, lambda: self.connection.healthy), world
        )
        surroundings = Surroundings(_date, world.new_id, self._listen, _closed)
        service = compose(adapters, _settings(world.plan), surroundings=surroundings)
        world.variant.changes(service)
        await service.run(self._stopping, _announce)
        await inbound.close()

    def _listen(self, service: AllocationService, *_: object) -> SimulatedListener:
        self.listener = SimulatedListener(service)
        return self.listener


def _settings(plan: Plan) -> Settings:
    limits = plan.limits
    return Settings(
        group_commands_max=limits.group_commands_max,
        waiting_commands_max=limits.waiting_commands_max,
        promises_per_transaction_max=limits.promises_per_transaction_max,
        fetch_messages_max=limits.fetch_messages_max,
        publish_events_max=limits.publish_events_max,
        unknown_wait_seconds=limits.unknown_wait_seconds,
        deliveries_max=limits.deliveries_max,
        poll_seconds=plan.poll_seconds,
    )


def _date() -> datetime:
    return wall_clock(asyncio.get_running_loop().time())


def _closed(*_: object) -> SimulatedListener:
    """Answer a door at which nobody calls."""
    return SimulatedListener()


def _announce() -> None:
    """Nobody waits to hear that the service serves: callers try."""
