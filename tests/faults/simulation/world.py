"""The world of one history: broker, store, the life of the service, and what befalls them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from allocation.adapters.memory import MemoryStore
from tests.faults.evidence import CONSUMER, EVENTS, INBOUND
from tests.faults.ledger import Ledger
from tests.faults.simulation.connection import SimulatedConnection
from tests.faults.simulation.door import Network
from tests.faults.simulation.jetstream.broker import Broker
from tests.faults.simulation.jetstream.wire import Wired
from tests.faults.simulation.sequenced_store import SequencedStore
from tests.faults.simulation.service import Life
from tests.faults.simulation.store import UncertainStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.simulation.chance import Chance
    from tests.faults.simulation.plan import Plan
    from tests.faults.simulation.trace import Trace
    from tests.faults.simulation.variants import Variant

_DELETIONS = {
    "consumer deleted": f"CONSUMER.DELETE.{INBOUND}.{CONSUMER}",
    "inbound stream deleted": f"STREAM.DELETE.{INBOUND}",
}
_AWAY_SECONDS_MAX = 12.0
_REST_WITHIN_SECONDS = 600.0
_LOOK_SECONDS = 1.0


class World:
    """Everything that outlives a life of the service, and the life that there is at present."""

    def __init__(self, plan: Plan, variant: Variant, chance: Chance, trace: Trace) -> None:
        self.plan, self.variant, self.chance, self.trace = plan, variant, chance, trace
        self.broker = Broker(lambda: not chance.is_so("broker forgets"), lambda: chance.latency("acks queued"))
        self.memory = MemoryStore()
        self.positions: dict[str, int] = {}
        self.ledger = Ledger()
        self.complaints: list[str] = []
        self.cursor: list[int] = []
        self.gone_through = 0
        self._identities = 0
        self._connections: list[SimulatedConnection] = []
        self._is_calm = self._is_over = False
        self._blocks = 0
        self._lives = 0
        self.life = self._begin(reaches_broker=True)
        self.writer = self._begin(reaches_broker=False) if plan.two_writers else None
        self.network = Network(chance)

    def new_id(self) -> str:
        """Answer an identity that looks like a UUIDv7 and is the same in every replay."""
        self._identities += 1
        return f"{int(_now() * 1000):08x}-0000-7000-8000-{self._identities:012x}"

    def new_block(self) -> int:
        """Take numbers for positions of the log, as a sequence of a database hands them out: before the commit."""
        self._blocks += 1
        return self._blocks

    def open_store(self, die: Callable[[str], None]) -> UncertainStore:
        """Open a way to the store."""
        if self.plan.two_writers:
            return SequencedStore(self.memory, self.chance, self.trace, die, self.new_block, self.positions)
        return UncertainStore(self.memory, self.chance, self.trace, die)

    def connect(self, name: str) -> SimulatedConnection:
        """Connect somebody else to the broker, in whose messages order matters."""
        connection = SimulatedConnection(self.broker, self.chance, self.trace, name, late=False)
        self._connections.append(connection)
        return connection

    def serving(self, sku: str) -> Life | None:
        """Answer the service that is asked about a sku; two writers share the skus."""
        if self.writer is not None and sku in self.plan.skus[1:]:
            return self.writer
        return self.life

    def life_ended(self, life: Life) -> None:
        """Begin another life after a while."""
        if self._is_over:
            return
        self._connections.append(life.connection)
        seconds = 0.1 if self._is_calm else self.chance.between(0.05, _AWAY_SECONDS_MAX)
        asyncio.get_running_loop().call_later(seconds, self._begin_again, life)

    def complain(self, sentence: str) -> None:
        """Take up something that must not be, whatever the checker finds."""
        self.complaints.append(sentence)

    async def befall(self, misfortune: str) -> None:
        """Let a misfortune strike."""
        if misfortune in ("inbound stream deleted", "inbound stream made anew") and INBOUND not in self.memory.streams:
            return  # The service never saw this one, and the checker would take the next for the first.
        self.trace.add("misfortune", misfortune)
        self.chance.injected[misfortune] += 1
        if misfortune.endswith("made anew"):
            self._make_anew(with_stream="stream" in misfortune)
            return
        match misfortune:
            case "connection cut":
                self.life.connection.cut()
            case "broker killed":
                await self._kill_broker()
            case "leader election":
                await self._elect()
            case "service killed":
                self.life.kill(misfortune)
            case "service stopped":
                self.life.stop()
            case "consumer deleted" | "inbound stream deleted":
                self._administer(_DELETIONS[misfortune])
            case "event stream deleted":
                self.gone_through = len(self.memory.log)
                self._administer(f"STREAM.DELETE.{EVENTS}")
            case _:
                raise ValueError(misfortune)

    async def come_to_rest(self) -> None:
        """End all faults, and wait until nothing waits any more."""
        self._is_calm = True
        self.chance.calm()
        if not self.broker.runs:
            self.broker.come_back()
        if not self.broker.has_leader:
            self.broker.elect()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _REST_WITHIN_SECONDS
        while unrest := self._unrest():
            if loop.time() > deadline:
                self.trace.add("no rest", unrest)
                self.complain(f"no rest {_REST_WITHIN_SECONDS:g} virtual seconds after the last fault: {unrest}")
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def end(self) -> None:
        """End every life, and let none follow."""
        self._is_over = True
        self.life.kill("the end")
        if self.writer is not None:
            self.writer.kill("the end")
        for connection in self._connections:
            connection.close()

    def _unrest(self) -> str:
        if not self.life.is_serving or any(connection.is_busy for connection in (*self._connections, self.life.connection)):
            return "somebody connects, or something is on its way"
        stream = self.broker.streams.get(INBOUND)
        consumer = stream.consumers.get(CONSUMER) if stream else None
        if consumer is None:
            return "the inbound stream or its consumer is gone"
        known = self.memory.streams.get(INBOUND)
        if stream is None or known is None or known.created_at != stream.created:
            return "the service has not yet noticed which stream this is"
        waiting = {
            "messages not delivered": consumer.pending_count,
            "messages not acknowledged": consumer.ack_pending_count,
            "events not published": len(self.memory.unpublished),
            "commands not continued": len(self.memory.commands),
        }
        return ", ".join(f"{count} {what}" for what, count in waiting.items() if count)

    def _begin(self, *, reaches_broker: bool) -> Life:
        self._lives += 1
        return Life(self, f"service-{self._lives}", reaches_broker=reaches_broker)

    def _begin_again(self, life: Life) -> None:
        if self._is_over:
            return
        if life is self.life:
            self.life = self._begin(reaches_broker=True)
        else:
            self.writer = self._begin(reaches_broker=False)

    def _administer(self, question: str, body: dict[str, Any] | None = None) -> None:
        self.broker.receive(Wired(f"$JS.API.{question}", json.dumps(body).encode() if body else b""))

    def _make_anew(self, *, with_stream: bool) -> None:
        """Have the durable consumer, perhaps with its stream, deleted and made anew as it was, before anybody looks."""
        stream = self.broker.streams.get(INBOUND)
        consumer = stream.consumers.get(CONSUMER) if stream is not None else None
        if stream is None or consumer is None:
            return
        if with_stream:
            self._administer(f"STREAM.DELETE.{INBOUND}")
            self._administer(f"STREAM.CREATE.{INBOUND}", stream.config)
        else:
            self._administer(f"CONSUMER.DELETE.{INBOUND}.{CONSUMER}")
        self._administer(f"CONSUMER.CREATE.{INBOUND}.{CONSUMER}", {"stream_name": INBOUND, "config": consumer.config})

    async def _kill_broker(self) -> None:
        if self.broker.runs:
            self.broker.die()
            await asyncio.sleep(self.chance.between(0.0, _AWAY_SECONDS_MAX))
            self.broker.come_back()

    async def _elect(self) -> None:
        if self.broker.has_leader:
            self.broker.lose_leader()
            await asyncio.sleep(self.chance.between(0.0, _AWAY_SECONDS_MAX))
            self.broker.elect()


def _now() -> float:
    return asyncio.get_running_loop().time()
