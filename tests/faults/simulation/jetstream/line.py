"""One connection to the broker: in order both ways, with latency; single messages are lost on it, and it can be cut."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from tests.faults.simulation.jetstream.stream import nanoseconds
from tests.faults.simulation.jetstream.wire import ACK, Wired

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.simulation.chance import Chance
    from tests.faults.simulation.jetstream.broker import Broker
    from tests.faults.simulation.jetstream.client import SimulatedClient
    from tests.faults.simulation.trace import Trace

_APART_SECONDS = 1e-6
_LATE_SECONDS_MAX = 40.0


class Line:
    """A line between a client and the broker. `lost` is called when the broker has cut it.

    What a client had sent when the line was cut is lost, or with `late` is taken by the broker some seconds later: bytes that
    wait in the socket of a server that did not get to reading them.
    """

    def __init__(  # noqa: PLR0913 - its two ends, what happens to it, and to whom that is told
        self,
        broker: Broker,
        client: SimulatedClient,
        chance: Chance,
        trace: Trace,
        lost: Callable[[Line], None],
        *,
        late: bool,
    ) -> None:
        self._broker, self._client, self._chance, self._trace, self._lost = broker, client, chance, trace, lost
        self._may_be_late = late
        self._sent: deque[tuple[Callable[..., None], tuple[object, ...]]] = deque()
        self._to_broker_at = self._to_client_at = 0.0
        self.is_open = True
        self._is_late = False
        self._broker_life = broker.lives
        broker.connect(self, client.inboxes)
        client.attach(self)

    @property
    def is_busy(self) -> bool:
        """Whether something that the client sent may still arrive."""
        return self._is_late or (self.is_open and bool(self._sent))

    def send(self, message: Wired) -> None:
        """Send a message to the broker."""
        if self._chance.befalls("ack lost" if message.subject.startswith(ACK) else "request lost"):
            self._trace.add("lost", message.subject)
            return
        self._later(self._receive, message)

    def listen(self, inbox: str) -> None:
        """Subscribe; in order with what is sent."""
        self._later(self._broker.listen, self, inbox)

    def forget(self, inbox: str) -> None:
        """Unsubscribe; in order with what is sent."""
        self._later(self._broker.forget, inbox)

    def deliver(self, inbox: str, message: Wired) -> None:
        """Send a message to the client."""
        if not self.is_open:
            return
        if self._chance.befalls("delivery lost" if message.reply else "reply lost"):
            self._trace.add("lost on the way back", inbox, message.subject)
            return
        loop = asyncio.get_running_loop()
        self._to_client_at = max(self._to_client_at + _APART_SECONDS, loop.time() + self._chance.latency("network slow"))
        loop.call_at(self._to_client_at, self._arrive, inbox, message)

    def cut(self) -> None:
        """Break, from either end."""
        if not self.is_open:
            return
        self.is_open = False
        self._broker.disconnect(self)
        self._client.detach()
        if self._sent and self._may_be_late and self._chance.befalls("late arrival"):
            self._is_late = True
            self._broker_life, self._cut_at = self._broker.lives, nanoseconds(asyncio.get_running_loop().time())
            asyncio.get_running_loop().call_later(self._chance.between(0.0, _LATE_SECONDS_MAX), self._take_late)
        self._lost(self)

    def _later(self, what: Callable[..., None], *about: object) -> None:
        loop = asyncio.get_running_loop()
        self._to_broker_at = max(self._to_broker_at + _APART_SECONDS, loop.time() + self._chance.latency("network slow"))
        self._sent.append((what, about))
        loop.call_at(self._to_broker_at, self._take)

    def _take(self) -> None:
        if self.is_open:
            what, about = self._sent.popleft()
            what(*about)

    def _take_late(self) -> None:
        self._is_late = False
        if self._broker.runs and self._broker.lives == self._broker_life:  # A server's sockets die with it.
            self._trace.add("taken late", len(self._sent))
            for what, about in self._sent:
                if what == self._receive and isinstance(about[0], Wired) and self._may_still_come(about[0]):
                    what(*about)

    def _may_still_come(self, message: Wired) -> bool:
        """Whether it is for the stream that it was sent to.

        Answers to deliveries name a sequence alone. A publish of a dead client that arrives after its stream was made anew is
        stored there, for another stream knows no message ids: nothing that a client of JetStream can do keeps it out.
        """
        return not message.subject.startswith(ACK) and not self._broker.has_begun_anew(message.subject, self._cut_at)

    def _receive(self, message: Wired) -> None:
        self._trace.add("broker takes", message.subject, message.reply, _named(message))
        self._broker.receive(message)

    def _arrive(self, inbox: str, message: Wired) -> None:
        if self.is_open:
            self._trace.add("client takes", inbox, message.subject, message.reply, _named(message))
            self._client.arrived(inbox, message)


def _named(message: Wired) -> str:
    """Show what tells messages apart."""
    return (
        f"{message.headers.get('Nats-Msg-Id') or message.headers.get('ce-id') or ''} {message.headers.get('Status', '')} "
        + (message.payload[:40].hex())
    )
