"""A pull consumer: what it has delivered, what it waits to be acknowledged, what it delivers again, and who waits for it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from tests.faults.simulation.jetstream.pulls import Pulls
from tests.faults.simulation.jetstream.redeliveries import Redeliveries
from tests.faults.simulation.jetstream.remembered import Pending, Remembered
from tests.faults.simulation.jetstream.stream import nanoseconds
from tests.faults.simulation.jetstream.wire import ACK, NANOSECONDS, NotSimulatedError, Wired, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.simulation.jetstream.pulls import Pull
    from tests.faults.simulation.jetstream.stream import Kept, Stream
    from tests.faults.simulation.jetstream.wire import Send

_UNLIMITED = 1 << 60
_ACK_PENDING_MAX_DEFAULT = 1000


class Consumer:
    """One consumer of a stream. `send` delivers to an inbox, and answers whether anybody is there.

    `writes` is asked after each change whether the state reaches the disk now.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it is, where it is, and its two ways out
        self, stream: Stream, name: str, config: dict[str, Any], created: str, send: Send, writes: Callable[[], bool]
    ) -> None:
        if stream.config["subjects"] != config.get("filter_subjects", stream.config["subjects"]):
            raise NotSimulatedError(f"a consumer that filters {config['filter_subjects']}")
        self.stream, self.name, self.config, self.created = stream, name, config, created
        self._send = send
        self._writes = writes
        self._explicit = config["ack_policy"] == "explicit"
        self._ack_wait_seconds = config.get("ack_wait", 30 * NANOSECONDS) / NANOSECONDS
        self._ack_pending_max = config.get("max_ack_pending", _ACK_PENDING_MAX_DEFAULT) if self._explicit else _UNLIMITED
        first = config["opt_start_seq"] if config["deliver_policy"] == "by_start_sequence" else 1
        self._state = Remembered(max(first, stream.first_sequence, 1))
        self._on_disk = self._state.copy()
        self._again = Redeliveries(self._state.pending, self.serve_soon)
        self.pulls = Pulls(send, self._blocked, self.serve_soon)
        self._serving = False
        self.pulled = 0

    @property
    def pending_count(self) -> int:
        """How many messages it has never delivered."""
        stream = self.stream
        return max(0, stream.last_sequence - max(self._state.next_sequence, stream.first_sequence) + 1)

    @property
    def ack_pending_count(self) -> int:
        """How many delivered messages wait to be acknowledged."""
        return len(self._state.pending)

    def info(self) -> dict[str, Any]:
        """Answer CONSUMER.INFO."""
        state = self._state
        floor = min(state.pending, default=state.next_sequence) - 1
        return {
            "stream_name": self.stream.name,
            "name": self.name,
            "created": self.created,
            "config": self.config,
            "delivered": {"consumer_seq": state.consumer_sequence, "stream_seq": state.next_sequence - 1},
            "ack_floor": {"stream_seq": floor},
            "num_ack_pending": len(state.pending),
            "num_redelivered": sum(1 for sequence in state.pending if state.deliveries.get(sequence, 0) > 1),
            "num_waiting": len(self.pulls),
            "num_pending": self.pending_count,
        }

    def pull(self, reply: str, request: dict[str, Any]) -> None:
        """Take up a request for messages."""
        self.pulled += 1
        self.pulls.add(reply, request, self.pending_count + len(self._again))

    def acknowledge(self, sequence: int, payload: bytes) -> None:
        """Take an answer to a delivery; one that nobody waits for changes nothing."""
        if sequence not in self._state.pending:
            return
        verb, _, rest = payload.partition(b" ")
        match verb:
            case b"" | b"+ACK" | b"+TERM":
                self._drop(sequence)
            case b"-NAK" if not rest:
                self._again.ring(sequence)
            case b"-NAK":
                self._again.wait(sequence, json.loads(rest)["delay"] / NANOSECONDS)
            case b"+WPI":
                self._again.wait(sequence, self._ack_wait_seconds)
            case _:
                raise NotSimulatedError(f"the answer {payload!r}")
        self._changed()
        self.serve_soon()

    def serve_soon(self) -> None:
        """Deliver what can be delivered, as soon as what happens now is over."""
        if not self._serving:
            self._serving = True
            asyncio.get_running_loop().call_soon(self._serve)

    def forget_below(self, first_sequence: int) -> None:
        """Forget deliveries of messages that were purged."""
        for sequence in [one for one in self._state.pending if one < first_sequence]:
            self._drop(sequence)
        self._state.next_sequence = max(self._state.next_sequence, first_sequence)

    def end(self) -> None:
        """End for good: all waiting pulls with a word, and all timers."""
        self.pulls.end(status(409, "Consumer Deleted"))
        self.stop()

    def stop(self) -> None:
        """Die with the server."""
        self.pulls.forget()
        self._again.stop()

    def come_back(self) -> None:
        """Go on after the death of the server with what was on disk."""
        self._state = self._on_disk.copy()
        self._again = Redeliveries(self._state.pending, self.serve_soon)
        self._again.go_on()

    def _serve(self) -> None:
        self._serving = False
        while (pull := self.pulls.next()) is not None:
            sequence = self._take()
            if sequence is None:
                break
            self._deliver(pull, self.stream.messages[sequence])
        if not self._blocked():
            self.pulls.end_one_shots()

    def _blocked(self) -> bool:
        """Whether only the limit of unacknowledged messages holds messages back."""
        return bool(self.pending_count and not self._again and len(self._state.pending) >= self._ack_pending_max)

    def _take(self) -> int | None:
        while (due := self._again.next()) is not None:
            if due in self.stream.messages:
                return due
        if not self.pending_count or len(self._state.pending) >= self._ack_pending_max:
            return None
        sequence = max(self._state.next_sequence, self.stream.first_sequence)
        self._state.next_sequence = sequence + 1
        return sequence

    def _deliver(self, pull: Pull, kept: Kept) -> None:
        state = self._state
        state.consumer_sequence += 1
        times = state.deliveries.get(kept.sequence, 0) + 1
        if self._explicit:
            state.deliveries[kept.sequence] = times
            state.pending[kept.sequence] = Pending(state.consumer_sequence, 0.0)
            self._again.wait(kept.sequence, self._ack_wait_seconds)
        place = f"{times}.{kept.sequence}.{state.consumer_sequence}.{nanoseconds(kept.stored_at)}.{self.pending_count}"
        headers, payload = kept.headers, kept.payload
        if self.config.get("headers_only"):
            headers, payload = headers | {"Nats-Msg-Size": str(len(payload))}, b""
        self._changed()
        self.pulls.deliver(pull, Wired(kept.subject, payload, headers, f"{ACK}{self.stream.name}.{self.name}.{place}"))

    def _drop(self, sequence: int) -> None:
        self._again.drop(sequence)
        self._state.deliveries.pop(sequence, None)

    def _changed(self) -> None:
        if self._writes():
            self._on_disk = self._state.copy()
