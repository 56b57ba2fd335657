"""What flows: every message on the subjects of the contract, counted as it passes, and what a customer was ever allocated."""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Any

import nats
from stock.allocation.v1 import events_pb2, inbound_events_pb2, options_pb2

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

SECONDS_SHOWN = 40


def _types() -> dict[str, Any]:
    types = {}
    for module in (inbound_events_pb2, events_pb2):
        for name in module.DESCRIPTOR.message_types_by_name:
            message_type = getattr(module, name)
            if subject := message_type.DESCRIPTOR.GetOptions().Extensions[options_pb2.event].subject:
                types[subject] = message_type
    return types


class Flow:
    """Counts messages by subject and second, and remembers which skus there are."""

    def __init__(self) -> None:
        self.types = _types()
        self.totals: Counter[str] = Counter()
        self.skus: set[str] = set()
        self.orders_of: defaultdict[str, set[str]] = defaultdict(set)
        self._seconds: dict[str, deque[tuple[int, int]]] = {subject: deque(maxlen=SECONDS_SHOWN) for subject in self.types}
        self._client: Client | None = None

    async def listen(self, url: str) -> None:
        """Subscribe to everything, as a plain NATS client beside the streams; a lost connection is taken up again."""
        self._client = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.5)
        for subject in self.types:
            await self._client.subscribe(subject, cb=self._count)

    async def close(self) -> None:
        """Stop listening."""
        if self._client is not None:
            await self._client.close()

    def rates(self, subject: str) -> list[int]:
        """Answer the messages of each of the last seconds, the oldest first."""
        counted, now = dict(self._seconds[subject]), int(time.monotonic())
        return [counted.get(second, 0) for second in range(now - SECONDS_SHOWN, now)]

    async def _count(self, message: Msg) -> None:
        self.totals[message.subject] += 1
        seconds, now = self._seconds[message.subject], int(time.monotonic())
        before = seconds.pop()[1] if seconds and seconds[-1][0] == now else 0
        seconds.append((now, before + 1))
        event = self.types[message.subject].FromString(message.data)
        self.skus.update(line.sku for line in getattr(event, "lines", [event]) if getattr(line, "sku", ""))
        if isinstance(event, events_pb2.Allocated):
            self.orders_of[event.order_id.rpartition("-")[0]].add(event.order_id)
