"""JetStream's API for streams and consumers: creating, asking, purging and deleting them."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

from tests.faults.simulation.jetstream.consumer import Consumer
from tests.faults.simulation.jetstream.stream import Stream, date
from tests.faults.simulation.jetstream.wire import NANOSECONDS, NotSimulatedError, refusal, wall_clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.simulation.jetstream.stream import Kept
    from tests.faults.simulation.jetstream.wire import Send

_STREAM_NOT_FOUND = refusal(404, 10059, "stream not found")
_CONSUMER_NOT_FOUND = refusal(404, 10014, "consumer not found")
_NO_MESSAGE = refusal(404, 10037, "no message found")
_NAME_IN_USE = refusal(400, 10058, "stream name already in use with a different configuration")
_SUBJECTS_OVERLAP = refusal(400, 10065, "subjects overlap with an existing stream")
_CONSUMER_EXISTS = refusal(400, 10148, "consumer already exists")


class Administration:
    """The streams, and what may be asked of them."""

    def __init__(self, send: Send, writes: Callable[[], bool]) -> None:
        self.streams: dict[str, Stream] = {}
        self._send = send
        self._writes = writes
        self._made = 0

    def holder(self, subject: str) -> Stream | None:
        """Answer the stream that takes a subject."""
        return next((stream for stream in self.streams.values() if subject in stream.config["subjects"]), None)

    def answer(  # noqa: PLR0911 - each return is one thing that can be asked, or not be found
        self, question: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Answer a question like `STREAM.INFO.name`."""
        kind, verb, *names = question.replace("MSG.GET", "MESSAGE").split(".")
        if (kind, verb) == ("STREAM", "NAMES"):
            holder = self.holder(body["subject"])
            return {"total": int(holder is not None), "streams": [holder.name] if holder else None}
        if (kind, verb) == ("STREAM", "CREATE"):
            return self._create_stream(names[0], body)
        stream = self.streams.get(names[0])
        if stream is None:
            return _STREAM_NOT_FOUND
        if kind == "STREAM":
            return self._ask_stream(verb, stream, body)
        if verb == "CREATE":
            return self._create_consumer(stream, names[1] if names[1:] else "", body)
        consumer = stream.consumers.get(names[1])
        if consumer is None:
            return _CONSUMER_NOT_FOUND
        return self._ask_consumer(verb, consumer)

    def _create_stream(self, name: str, config: dict[str, Any]) -> dict[str, Any]:
        if any("*" in subject or ">" in subject for subject in config["subjects"]) or config["name"] != name:
            raise NotSimulatedError(f"stream {config}")
        existing = self.streams.get(name)
        if existing is not None:
            return existing.info() if existing.config == config else _NAME_IN_USE
        if any(self.holder(subject) for subject in config["subjects"]):
            return _SUBJECTS_OVERLAP
        stream = self.streams[name] = Stream(config, self._created())
        return stream.info()

    def _ask_stream(self, verb: str, stream: Stream, body: dict[str, Any]) -> dict[str, Any]:
        match verb:
            case "INFO":
                return stream.info()
            case "MESSAGE":
                kept = stream.messages.get(body["seq"])
                return _NO_MESSAGE if kept is None else {"message": _shown(kept)}
            case "PURGE":
                return {"success": True, "purged": stream.purge(body["seq"])}
            case "DELETE":
                for consumer in stream.consumers.values():
                    consumer.end()
                del self.streams[stream.name]
                return {"success": True}
        raise NotSimulatedError(f"STREAM.{verb}")

    def _create_consumer(self, stream: Stream, name: str, body: dict[str, Any]) -> dict[str, Any]:
        config = body["config"]
        existing = stream.consumers.get(name)
        if existing is not None:
            return existing.info() if existing.config == config else _CONSUMER_EXISTS
        created = self._created()
        if not name:
            name = f"reader-{self._made}"
        consumer = stream.consumers[name] = Consumer(stream, name, config, created, self._send, self._writes)
        if config.get("inactive_threshold"):
            self._watch(consumer, config["inactive_threshold"] / NANOSECONDS)
        return consumer.info()

    def _ask_consumer(self, verb: str, consumer: Consumer) -> dict[str, Any]:
        match verb:
            case "INFO":
                return consumer.info()
            case "DELETE":
                self._drop(consumer)
                return {"success": True}
        raise NotSimulatedError(f"CONSUMER.{verb}")

    def _drop(self, consumer: Consumer) -> None:
        consumer.end()
        consumer.stream.consumers.pop(consumer.name, None)

    def _watch(self, consumer: Consumer, seconds: float) -> None:
        """Remove a consumer that nobody uses for a while."""

        def look(pulled: int) -> None:
            if consumer.stream.consumers.get(consumer.name) is not consumer:
                return
            if consumer.pulled == pulled and not len(consumer.pulls):
                self._drop(consumer)
            else:
                self._watch(consumer, seconds)

        asyncio.get_running_loop().call_later(seconds, look, consumer.pulled)

    def _created(self) -> str:
        """Answer the date of a creation; no two are the same, as nanoseconds see to at the real one."""
        self._made += 1
        return wall_clock(asyncio.get_running_loop().time()).strftime("%Y-%m-%dT%H:%M:%S.%f") + f"{self._made % 1000:03}Z"


def _shown(kept: Kept) -> dict[str, Any]:
    lines = ["NATS/1.0", *(f"{name}: {value}" for name, value in kept.headers.items()), "", ""]
    headers = base64.b64encode("\r\n".join(lines).encode()).decode()
    return {"seq": kept.sequence, "time": date(kept.stored_at), "hdrs": headers}
