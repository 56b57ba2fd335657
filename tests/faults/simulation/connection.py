"""What the adapters use of BrokerConnection: a client that comes and goes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from allocation.service_layer.streams import BrokerUnavailableError
from tests.faults.simulation.jetstream.client import SimulatedClient
from tests.faults.simulation.jetstream.line import Line

if TYPE_CHECKING:
    from tests.faults.simulation.chance import Chance
    from tests.faults.simulation.jetstream.broker import Broker
    from tests.faults.simulation.trace import Trace

_RECONNECT_SECONDS_MIN, _RECONNECT_SECONDS_MAX = 0.05, 6.0


class SimulatedConnection:
    """Connects, and when the line is cut connects again after a while, with the same client or a new one.

    Without `connects` it never reaches the broker; without `late` nothing arrives that was sent before the line was cut.
    """

    request_timeout_seconds = 5.0

    def __init__(  # noqa: PLR0913 - where it leads, what happens to it, and two kinds of it
        self, broker: Broker, chance: Chance, trace: Trace, name: str, *, connects: bool = True, late: bool = True
    ) -> None:
        self._late = late
        self._broker, self._chance, self._trace, self._name = broker, chance, trace, name
        self._clients = 0
        self._closed = not connects
        self._lines: list[Line] = []
        self._client = self._new_client()
        self._connect()

    @property
    def healthy(self) -> bool:
        """Whether it is connected."""
        return self._client.is_connected

    @property
    def number(self) -> tuple[int, int]:
        """Which connection this is."""
        return self._clients, len(self._lines)

    @property
    def is_busy(self) -> bool:
        """Whether it is about to connect, or something that was sent may still arrive at the broker."""
        return not (self._closed or self._client.is_connected) or any(line.is_busy for line in self._lines)

    def client(self) -> SimulatedClient:
        """Answer the connected client."""
        if not self._client.is_connected:
            raise BrokerUnavailableError("not connected to the broker")
        return self._client

    def cut(self) -> None:
        """Break the line, if there is one."""
        if self._lines:
            self._lines[-1].cut()

    def close(self) -> None:
        """Disconnect for good, as a process that ends; what it sent last may still arrive."""
        self._closed = True
        self.cut()
        self._client.close()

    def _connect(self) -> None:
        if self._closed or self._client.is_connected:
            return
        if not self._broker.runs:
            self._connect_later()
            return
        self._trace.add("connected", self._name, self._clients)
        self._lines.append(Line(self._broker, self._client, self._chance, self._trace, self._lost, late=self._late))

    def _lost(self, _line: Line) -> None:
        if self._closed:
            return
        self._trace.add("disconnected", self._name)
        if self._chance.is_so("client rebuilt"):
            self._client.close()
            self._client = self._new_client()
        self._connect_later()

    def _connect_later(self) -> None:
        seconds = self._chance.between(_RECONNECT_SECONDS_MIN, _RECONNECT_SECONDS_MAX)
        asyncio.get_running_loop().call_later(seconds, self._connect)

    def _new_client(self) -> SimulatedClient:
        self._clients += 1
        return SimulatedClient(self._broker, f"{self._name}-{self._clients}")
