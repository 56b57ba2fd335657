"""The server: takes what arrives on its connections, keeps streams, and can be killed, restarted or left without a leader."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from tests.faults.simulation.jetstream.administration import Administration
from tests.faults.simulation.jetstream.wire import ACK, API, NotSimulatedError, Wired, encoded, refusal, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.simulation.jetstream.consumer import Consumer
    from tests.faults.simulation.jetstream.stream import Stream
    from tests.faults.simulation.jetstream.wire import Connection

_APART_SECONDS = 1e-6
_PULL = API + "CONSUMER.MSG.NEXT."


class Broker:
    """One server. `writes` is asked after each change of a consumer whether that reaches the disk now.

    Answers to deliveries go through a queue of their own, so that what was sent after them may be served before; `queued` says
    for how many seconds.
    """

    def __init__(self, writes: Callable[[], bool] = lambda: True, queued: Callable[[], float] = lambda: 0.0) -> None:
        self._queued = queued
        self._taken_at = 0.0
        self._administration = Administration(self._send, writes)
        self._listeners: dict[str, Connection] = {}
        self._connections: list[Connection] = []
        self.runs = True
        self.lives = 1
        self.has_leader = True

    @property
    def streams(self) -> dict[str, Stream]:
        """The streams by name."""
        return self._administration.streams

    def connect(self, connection: Connection, inboxes: list[str]) -> None:
        """Take a connection, on which a client listens at inboxes (prefixes of subjects)."""
        self._connections.append(connection)
        for inbox in inboxes:
            self._listeners[inbox] = connection

    def listen(self, connection: Connection, inbox: str) -> None:
        """Send what goes to an inbox over a connection."""
        self._listeners[inbox] = connection

    def forget(self, inbox: str) -> None:
        """Send nothing to an inbox any more, and drop the pulls that would be answered there."""
        self._listeners.pop(inbox, None)
        for consumer in self._consumers():
            consumer.pulls.forget(inbox + ".")

    def has_begun_anew(self, subject: str, since: int) -> bool:
        """Whether the stream of a subject began its life after an instant."""
        stream = self._administration.holder(subject)
        return stream is not None and stream.began > since

    def disconnect(self, connection: Connection) -> None:
        """Lose a connection. Its pulls wait on: the client may come back to the same inboxes before anything is due."""
        if connection in self._connections:
            self._connections.remove(connection)
        for inbox in [one for one, listener in self._listeners.items() if listener is connection]:
            del self._listeners[inbox]

    def receive(self, message: Wired) -> None:
        """Take a message from a client."""
        if message.subject.startswith(_PULL):
            self._pull(message)
        elif message.subject.startswith(API):
            self._ask(message)
        elif message.subject.startswith(ACK):
            self._acknowledge(message)
        else:
            self._publish(message)

    def die(self) -> None:
        """Be killed: connections, staged batches and what was not on disk are gone."""
        self.runs = False
        for connection in list(self._connections):
            connection.cut()
        self._listeners.clear()
        for stream in self.streams.values():
            stream.lose_staged()
        for consumer in self._consumers():
            consumer.stop()

    def come_back(self) -> None:
        """Start again on the same disk."""
        self.runs = True
        self.lives += 1
        for consumer in self._consumers():
            consumer.come_back()

    def lose_leader(self) -> None:
        """Begin an election: what was held in memory is gone, and nobody answers until it is over."""
        self.has_leader = False
        for stream in self.streams.values():
            stream.lose_staged()
        for consumer in self._consumers():
            consumer.pulls.end(status(409, "Leadership Change"))

    def elect(self) -> None:
        """End the election."""
        self.has_leader = True
        for consumer in self._consumers():
            consumer.serve_soon()

    def _consumers(self) -> list[Consumer]:
        return [consumer for stream in self.streams.values() for consumer in stream.consumers.values()]

    def _ask(self, message: Wired) -> None:
        if not self.has_leader:
            self._answer(message, refusal(503, 10008, "JetStream system temporarily unavailable"))
            return
        body = json.loads(message.payload) if message.payload else {}
        self._answer(message, self._administration.answer(message.subject.removeprefix(API), body))

    def _pull(self, message: Wired) -> None:
        stream, name = message.subject.removeprefix(_PULL).split(".")
        consumer = self.streams[stream].consumers.get(name) if stream in self.streams else None
        if consumer is None or not self.has_leader:
            self._nobody_responds(message)
        else:
            consumer.pull(message.reply, json.loads(message.payload) if message.payload else {})

    def _acknowledge(self, message: Wired) -> None:
        if message.reply:
            raise NotSimulatedError("an acknowledgement of an acknowledgement")
        name, consumer_name, _, sequence, _, stored_at, _ = message.subject.removeprefix(ACK).split(".")
        stream = self.streams.get(name)
        if stream is not None and int(stored_at) < stream.began:
            # A real server takes it for an answer about its own message of that number, if it has delivered that already:
            # no client of JetStream can keep answers that are on their way from a stream that is made anew in that moment.
            return
        consumer = stream.consumers.get(consumer_name) if stream is not None else None
        if consumer is not None and self.has_leader:
            loop = asyncio.get_running_loop()
            self._taken_at = max(self._taken_at + _APART_SECONDS, loop.time() + self._queued())
            loop.call_at(self._taken_at, self._take, consumer, int(sequence), message.payload)

    def _take(self, consumer: Consumer, sequence: int, payload: bytes) -> None:
        """Take an acknowledgement out of the queue of its consumer, if that is still there."""
        if self.runs and consumer in self._consumers():
            consumer.acknowledge(sequence, payload)

    def _publish(self, message: Wired) -> None:
        stream = self._administration.holder(message.subject)
        if stream is None or not self.has_leader:
            self._nobody_responds(message)
            return
        acknowledgement = stream.publish(message)
        if message.reply:
            payload = encoded(acknowledgement) if acknowledgement is not None else b""
            self._send(message.reply, Wired(message.reply, payload))

    def _answer(self, message: Wired, answer: dict[str, object]) -> None:
        if message.reply:
            self._send(message.reply, Wired(message.reply, encoded(answer)))

    def _nobody_responds(self, message: Wired) -> None:
        if message.reply:
            self._send(message.reply, Wired(message.reply, headers=status(503, "No Responders")))

    def _send(self, inbox: str, message: Wired) -> bool:
        connection = self._listeners.get(inbox.rpartition(".")[0])
        if connection is None or not self.runs:
            return False
        connection.deliver(inbox, message)
        return True
