"""Reads a pull consumer: what has arrived, at once, up to a limit. Nothing here knows what the messages mean."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, Any

from allocation.adapters.jetstream.api import API_PREFIX, NANOSECONDS
from allocation.adapters.jetstream.errors import broker_errors
from allocation.service_layer.streams import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

_HEARTBEAT = "100"
_NOTHING_LEFT = "404"
_TIMED_OUT = "408"
_NO_RESPONDERS = "503"
_OUT_OF_TURN = "Requests Pending"
_COMPLETED = "Batch Completed"

_HEARTBEATS_MISSED_MAX = 2
# A full `max_ack_pending` ends a delivery without a word until the next heartbeat.
_SETTLE_SECONDS = 0.05
_BATCH_BYTES_MAX = 8 << 20
"""The pong by which a connection proves that it lives comes behind what is on its way: 16 Mbit/s bring this much in time."""
_MESSAGES_MAX = 100_000


class PullReader:
    """One subscription that pulls from one consumer; for one task at a time.

    A pull asks for `no_wait` and an expiry together: the server answers at once with what there is, else waits for the
    first message, and then says that nothing is left. So a lone message is never held back to fill a batch. While another
    pull waits, e.g. that of another instance, the server refuses such a one; then one message is waited for in line.
    nats-py's own `fetch` always needs two requests and hides the server's 409s as timeouts.
    """

    def __init__(self, client: Client, stream: str, consumer: str) -> None:
        self.client = client
        self._subject = f"{API_PREFIX}CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = client.new_inbox()
        self._request = 0
        self._messages: deque[Msg] = deque()
        self._status: Msg | None = None
        self._wake = asyncio.Event()
        self._subscription: Subscription | None = None
        self._batch_bytes_max = max(_BATCH_BYTES_MAX, 2 * client.max_payload)

    async def open(self) -> None:
        """Subscribe. Raises BrokerUnavailableError."""
        with broker_errors("subscribe"):
            # A subject per request tells a late status of an earlier pull from that of the present one.
            self._subscription = await self.client.subscribe(
                f"{self._inbox}.*",
                cb=self._arrived,
                pending_msgs_limit=_MESSAGES_MAX,
                pending_bytes_limit=2 * self._batch_bytes_max,
            )

    async def close(self) -> list[Msg]:
        """Unsubscribe, so that the server forgets an open pull; answer the messages that nobody read."""
        if self._subscription is not None and not self.client.is_closed:
            with broker_errors("unsubscribe"):
                await self._subscription.unsubscribe()
        self._subscription = None
        return self._take(len(self._messages))

    async def read(self, limit: int, wait_seconds: float, heartbeat_seconds: float) -> list[Msg]:
        """Answer up to `limit` messages as soon as there is one; none after `wait_seconds`.

        A cancelled read loses nothing: what came meanwhile is answered by the next one.

        Raises:
            BrokerUnavailableError: the server fell silent, or says that the consumer is gone.

        """
        if self._messages:
            return self._take(limit)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        await self._pull({"batch": limit, "no_wait": True}, wait_seconds, heartbeat_seconds)
        await self._gather(limit, heartbeat_seconds)
        rest_seconds = deadline - loop.time()
        if not self._messages and _is_out_of_turn(self._status) and rest_seconds > 0:
            # The server refuses heartbeats that are longer than half of the wait.
            heartbeat_seconds = min(heartbeat_seconds, rest_seconds / 2)
            await self._pull({"batch": 1}, rest_seconds, heartbeat_seconds)
            await self._gather(1, heartbeat_seconds)
        if not self._messages and self._status is not None:
            _require_idle(self._status)
        return self._take(limit)

    def put_back(self, messages: Sequence[Msg]) -> None:
        """Have messages answered once more by the next read: nobody has dealt with them."""
        self._messages.extendleft(reversed(messages))

    async def _pull(self, kind: dict[str, Any], wait_seconds: float, heartbeat_seconds: float) -> None:
        self._request += 1
        self._status = None
        self._wake.clear()
        pull = kind | {
            "expires": int(wait_seconds * NANOSECONDS),
            "idle_heartbeat": int(heartbeat_seconds * NANOSECONDS),
            "max_bytes": self._batch_bytes_max,
        }
        with broker_errors("fetch"):
            await self.client.publish(self._subject, json.dumps(pull).encode(), reply=f"{self._inbox}.{self._request}")

    async def _gather(self, limit: int, heartbeat_seconds: float) -> None:
        while len(self._messages) < limit and self._status is None:
            silence_max = _SETTLE_SECONDS if self._messages else heartbeat_seconds * _HEARTBEATS_MISSED_MAX
            try:
                async with asyncio.timeout(silence_max):
                    await self._wake.wait()
            except TimeoutError as error:
                if self._messages:
                    return
                raise BrokerUnavailableError(f"the broker was silent for {silence_max:g} s") from error
            self._wake.clear()

    async def _arrived(self, message: Msg) -> None:
        if message.reply.startswith("$JS.ACK."):
            self._messages.append(message)
        elif message.subject != f"{self._inbox}.{self._request}":
            return
        elif _status_of(message) != _HEARTBEAT and _description_of(message) != _COMPLETED:
            # A cluster sends messages only when their delivery has a quorum: the word that all were sent overtakes them.
            self._status = message
        self._wake.set()

    def _take(self, count: int) -> list[Msg]:
        return [self._messages.popleft() for _ in range(min(count, len(self._messages)))]


def _status_of(message: Msg) -> str:
    return (message.headers or {}).get("Status", "")


def _description_of(message: Msg) -> str:
    return (message.headers or {}).get("Description", "").strip()


def _is_out_of_turn(status: Msg | None) -> bool:
    return status is not None and _status_of(status) == _TIMED_OUT and _description_of(status) == _OUT_OF_TURN


def _require_idle(message: Msg) -> None:
    """Accept the statuses that only say that there was nothing to read."""
    status = _status_of(message)
    if status in (_NOTHING_LEFT, _TIMED_OUT):
        return
    if status == _NO_RESPONDERS:
        raise BrokerUnavailableError("the consumer or its stream is gone, or JetStream has no leader")
    raise BrokerUnavailableError(f"the broker ended the fetch: {status} {_description_of(message)}")
