"""Takes the broker's acknowledgements of events out of a connection: the events are stored, and the service is not told."""

from __future__ import annotations

import re

_MESSAGE = re.compile(rb"(?:MSG|HMSG) .* (\d+)$")
_END = b"\r\n"
_ACKNOWLEDGEMENT = re.compile(rb'"stream":\s*"ALLOCATION_EVENTS".*"seq":\s*\d')


class AckLoss:
    """How many acknowledgements are still to be lost, and how many were, on all connections together."""

    def __init__(self) -> None:
        self.wanted = 0
        self.lost = 0

    def sieve(self) -> AckSieve:
        """Make a sieve for one connection."""
        return AckSieve(self)

    def takes(self, payload: bytes) -> bool:
        """Whether this message is an acknowledgement, and one that is to be lost."""
        if self.lost >= self.wanted or not _ACKNOWLEDGEMENT.search(payload):
            return False
        self.lost += 1
        return True


class AckSieve:
    """Reads what a broker sends in the NATS protocol, message by message, and passes on all but lost acknowledgements."""

    def __init__(self, loss: AckLoss) -> None:
        self._loss = loss
        self._pending = b""

    def __call__(self, chunk: bytes) -> bytes:
        """Take in the next bytes, and answer whole frames that may pass; the rest waits for its end."""
        self._pending += chunk
        passed = []
        while (frame := self._frame()) is not None:
            self._pending = self._pending[len(frame) :]
            if not self._loss.takes(frame):
                passed.append(frame)
        return b"".join(passed)

    def _frame(self) -> bytes | None:
        head, found, _ = self._pending.partition(_END)
        if not found:
            return None
        message = _MESSAGE.match(head)
        length = len(head) + len(_END) + (int(message[1]) + len(_END) if message else 0)
        return self._pending[:length] if len(self._pending) >= length else None
