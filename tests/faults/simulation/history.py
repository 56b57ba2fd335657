"""One history from its seed to its judgement."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import structlog

from tests.faults.problem import Kind, kind_of
from tests.faults.simulation.chance import Chance
from tests.faults.simulation.clients import Caller
from tests.faults.simulation.judgement import judge
from tests.faults.simulation.plan import draw_plan
from tests.faults.simulation.publishers import Publisher
from tests.faults.simulation.service import note_task
from tests.faults.simulation.trace import Trace
from tests.faults.simulation.variants import UNBROKEN, VARIANTS, Variant
from tests.faults.simulation.virtual_time import DeadlockError, VirtualTimeLoop
from tests.faults.simulation.world import World

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Coroutine, Iterator, MutableMapping

    from tests.faults.simulation.plan import Plan

_MISFORTUNES_BEGIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a history; `seconds` are virtual, `kinds` those of the problems.

    `digest` and `lines` are those of its trace, if it was recorded.
    """

    seed: int
    problems: tuple[str, ...]
    kinds: tuple[Kind, ...]
    injected: Counter[str]
    commands: int
    events: int
    seconds: float
    digest: str = ""
    lines: tuple[str, ...] = field(default=(), repr=False)


def run_history(seed: int, variant: str = UNBROKEN, setting: str = "", *, records: bool = False) -> Outcome:
    """Run a history of a variant, in its own setting or that of another variant."""
    chosen = VARIANTS[variant]
    chance = Chance(seed)
    plan = VARIANTS[setting or variant].setting(draw_plan(chance))
    chance.rates.update(plan.rates)
    random.seed(f"redelivery {seed}")  # The service spreads its retries by the module's own chance.
    with _silence():
        return _Run(seed, chance, chosen, records=records).outcome(plan)


class _Run:
    def __init__(self, seed: int, chance: Chance, variant: Variant, *, records: bool) -> None:
        self._seed, self._chance, self._variant = seed, chance, variant
        self._unhandled: list[str] = []
        self._loop = VirtualTimeLoop(self._unhandled.append, note_task)
        self._trace = Trace(self._loop.time, records=records)
        self._world: World | None = None

    def outcome(self, plan: Plan) -> Outcome:
        try:
            try:
                self._loop.run_until_complete(self._live(plan))
            except DeadlockError as error:
                self._unhandled.append(str(error))
            seconds = self._loop.time()
            return self._judged(seconds)
        finally:
            self._end()

    def _judged(self, seconds: float) -> Outcome:
        world = self._world
        assert world is not None
        problems = [*self._unhandled, *judge(world)]
        return Outcome(
            self._seed,
            tuple(map(str, problems)),
            tuple(map(kind_of, problems)),
            self._chance.injected,
            world.ledger.commands,
            len(world.memory.log),
            seconds,
            self._trace.digest,
            tuple(self._trace.lines),
        )

    async def _live(self, plan: Plan) -> None:
        self._world = world = World(plan, self._variant, self._chance, self._trace)
        first, stock, orders = Caller(world, "caller-0"), Publisher(world, "stock"), Publisher(world, "orders")
        stocked = asyncio.ensure_future(first.stock_up())
        misfortunes = [asyncio.ensure_future(_strike(world, kind, rate)) for kind, rate in plan.misfortunes.items()]
        await stocked
        callers = [first, *(Caller(world, f"caller-{number}") for number in range(1, plan.callers))]
        await _all(stock.restock(), orders.place_orders(), *(caller.run() for caller in callers))
        for misfortune in misfortunes:
            misfortune.cancel()
        await world.come_to_rest()

    def _end(self) -> None:
        self._loop.run_until_complete(self._tidy())
        self._loop.close()

    async def _tidy(self) -> None:
        if self._world is not None:
            self._world.end()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.wait(others, timeout=1)


async def _all(*works: Coroutine[Any, Any, None]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for work in works:
            tasks.create_task(work)


async def _strike(world: World, kind: str, rate: float) -> None:
    """Let a misfortune strike again and again."""
    while True:
        await asyncio.sleep(_MISFORTUNES_BEGIN_SECONDS + world.chance.random.expovariate(rate))
        await world.befall(kind)


@contextmanager
def _silence() -> Iterator[None]:
    """Have the service log nothing: what goes wrong is the checker's to say."""
    before = structlog.get_config()
    structlog.configure(processors=[_drop], wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(_logger: object, _method: str, _event: MutableMapping[str, Any]) -> NoReturn:
    raise structlog.DropEvent
