"""What the adapters use of a nats-py client, over a wire that delays, loses and is cut."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError, NoRespondersError, OutboundBufferLimitError
from nats.errors import TimeoutError as NatsTimeoutError

from tests.faults.simulation.jetstream.wire import Wired

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from nats.aio.client import Client

    from tests.faults.simulation.jetstream.broker import Broker
    from tests.faults.simulation.jetstream.line import Line

_MEBIBYTE = 1 << 20


class SimulatedClient:
    """A client that is connected while it has a line. Its inboxes and their subscribers survive a reconnect, as in nats-py."""

    max_payload = _MEBIBYTE

    def __init__(self, broker: Broker, name: str) -> None:
        self._broker = broker
        self._name = name
        self._line: Line | None = None
        self._numbers = 0
        self._answers = f"_INBOX.{name}.answers"
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        self._subscribers: dict[str, Callable[[Msg], Coroutine[Any, Any, None]]] = {}
        self.is_closed = False

    @property
    def is_connected(self) -> bool:
        """Whether there is a line."""
        return self._line is not None

    @property
    def inboxes(self) -> list[str]:
        """Where it listens."""
        return [self._answers, *self._subscribers]

    def attach(self, line: Line) -> None:
        """Be connected."""
        self._line = line

    def detach(self) -> None:
        """Be disconnected."""
        self._line = None

    def close(self) -> None:
        """Be closed for good: nothing that comes in or is sent has an effect any more."""
        self.is_closed, self._line = True, None
        self._subscribers.clear()

    def new_inbox(self) -> str:
        """Answer a subject of its own."""
        self._numbers += 1
        return f"_INBOX.{self._name}.{self._numbers}"

    async def publish(self, subject: str, payload: bytes = b"", reply: str = "", headers: dict[str, str] | None = None) -> None:
        """Send a message; nothing is kept while there is no line, as with pending_size=0."""
        if self.is_closed:
            raise ConnectionClosedError
        if self._line is None:
            raise OutboundBufferLimitError
        self._line.send(Wired(subject, payload, headers or {}, reply))

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float = 0.5,  # noqa: ASYNC109 - nats-py's
        headers: dict[str, str] | None = None,
    ) -> Msg:
        """Send a message and wait for its answer; a line that is cut meanwhile is noticed by the timeout alone."""
        loop = asyncio.get_running_loop()
        self._numbers += 1
        reply = f"{self._answers}.{self._numbers}"
        waiting: asyncio.Future[Msg] = loop.create_future()
        self._waiting[reply] = waiting
        timer = loop.call_later(timeout, _expire, waiting)
        try:
            await self.publish(subject, payload, reply, headers)
            answer = await waiting
        finally:
            timer.cancel()
            del self._waiting[reply]
        if answer.headers and answer.headers.get("Status") == "503":
            raise NoRespondersError
        return answer

    async def subscribe(
        self,
        subject: str,
        *,
        cb: Callable[[Msg], Coroutine[Any, Any, None]],
        pending_msgs_limit: int = 0,  # noqa: ARG002 - nats-py's
        pending_bytes_limit: int = 0,  # noqa: ARG002 - nats-py's
    ) -> SimulatedSubscription:
        """Listen at an inbox."""
        if self.is_closed:
            raise ConnectionClosedError
        inbox = subject.removesuffix(".*")
        self._subscribers[inbox] = cb
        if self._line is not None:
            self._line.listen(inbox)
        return SimulatedSubscription(self, inbox)

    def unsubscribe(self, inbox: str) -> None:
        """Stop listening."""
        if self._subscribers.pop(inbox, None) is not None and self._line is not None:
            self._line.forget(inbox)

    def arrived(self, inbox: str, message: Wired) -> None:
        """Take a message from the line."""
        received = Msg(cast("Client", self), message.subject, message.reply, message.payload, message.headers or None)
        if (waiting := self._waiting.get(inbox)) is not None:
            if not waiting.done():
                waiting.set_result(received)
        elif (callback := self._subscribers.get(inbox.rpartition(".")[0])) is not None:
            _run(callback(received))


class SimulatedSubscription:
    """A subscription that can be ended."""

    def __init__(self, client: SimulatedClient, inbox: str) -> None:
        self._client = client
        self._inbox = inbox

    async def unsubscribe(self) -> None:
        """End it."""
        if self._client.is_closed:
            raise ConnectionClosedError
        self._client.unsubscribe(self._inbox)


def _expire(waiting: asyncio.Future[Msg]) -> None:
    if not waiting.done():
        waiting.set_exception(NatsTimeoutError())


def _run(callback: Coroutine[Any, Any, None]) -> None:
    """Run a callback that does not wait; a task for each would cost more than all the rest of the wire."""
    try:
        callback.send(None)
    except StopIteration:
        return
    raise AssertionError("a callback of the adapters waits: deliver to it from a task")
