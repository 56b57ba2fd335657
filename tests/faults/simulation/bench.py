"""A bench for brokers: asks one, real or simulated, and writes down what can be observed of it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from nats.errors import Error, NoRespondersError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nats.aio.msg import Msg

NANOSECONDS = 1_000_000_000
_DEADLINE_SECONDS = 5.0
_WHEN, _INBOXES_VARY = 7, "503"
_COMPARED = {
    "config": {"name", "subjects", "max_ack_pending", "ack_policy", "deliver_policy", "opt_start_seq", "headers_only"},
    "state": {"messages", "first_seq", "last_seq", "consumer_count"},
    "delivered": {"consumer_seq", "stream_seq"},
    "ack_floor": {"stream_seq"},
    "error": {"code", "err_code", "description"},
}
_PLAIN = {"num_ack_pending", "num_redelivered", "num_waiting", "num_pending", "success", "purged", "streams"}
_HEADERS = ("Status", "Description", "Nats-Msg-Size", "Nats-Pending-Messages", "Nats-Msg-Id")


class Bench:
    """One scenario's way to a broker; `names` keeps its streams and subjects apart from those of others."""

    def __init__(self, client: Any, name: str, restart: Callable[[], Awaitable[None]]) -> None:  # noqa: ANN401 - nats-py's or ours
        self.client = client
        self.name = name
        self.restart = restart
        self.seen: list[object] = []
        self._arrived: asyncio.Queue[Msg] = asyncio.Queue()
        self._inbox = ""
        self._subscription: Any = None
        self._pulls = 0

    @property
    def stream(self) -> str:
        """The name of its stream."""
        return f"S-{self.name}"

    def subject(self, last: str) -> str:
        """Answer one of its subjects."""
        return f"{self.name}.{last}"

    async def make_stream(self, **otherwise: object) -> None:
        """Create a stream of two subjects."""
        await self.ask(f"STREAM.CREATE.{self.stream}", self.stream_config() | otherwise)

    def stream_config(self) -> dict[str, Any]:
        """Answer how its stream is to be."""
        return {
            "name": self.stream,
            "subjects": [self.subject("a"), self.subject("b")],
            "storage": "file",
            "retention": "limits",
            "duplicate_window": 120 * NANOSECONDS,
            "allow_atomic": True,
        }

    async def make_consumer(self, **otherwise: object) -> None:
        """Create the durable consumer `c`."""
        await self.ask(f"CONSUMER.CREATE.{self.stream}.c", self.consumer_body(**otherwise))

    def consumer_body(self, **otherwise: object) -> dict[str, Any]:
        """Answer how its consumer is to be made."""
        config = {
            "name": "c",
            "durable_name": "c",
            "filter_subjects": [self.subject("a"), self.subject("b")],
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "replay_policy": "instant",
            "max_deliver": -1,
            "ack_wait": 30 * NANOSECONDS,
            "max_ack_pending": 100,
        }
        return {"stream_name": self.stream, "config": config | otherwise, "action": "create"}

    async def ask(self, question: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask JetStream's API, and note what of the answer is compared."""
        payload = json.dumps(body).encode() if body is not None else b""
        answer: dict[str, Any] = json.loads((await self.client.request(f"$JS.API.{question}", payload, timeout=2)).data)
        noted = {key: value for key, value in answer.items() if key in _PLAIN}
        noted |= {
            part: {key: value for key, value in answer[part].items() if key in keys}
            for part, keys in _COMPARED.items()
            if isinstance(answer.get(part), dict)
        }
        self.seen.append((question.replace(self.name, ""), noted))
        return answer

    async def settled(self, **expected: int) -> None:
        """Wait until the consumer says so, since pulls and acknowledgements are taken in later; note how all stands then."""
        async with asyncio.timeout(_DEADLINE_SECONDS):
            while not expected.items() <= (await self.ask(f"CONSUMER.INFO.{self.stream}.c")).items():
                self.seen.pop()

    async def store(self, last: str, payload: bytes = b"", **headers: str) -> None:
        """Publish with a reply, and note the acknowledgement."""
        try:
            message = await self.client.request(self.subject(last), payload, timeout=2, headers=_dashed(headers))
        except NoRespondersError:
            self.seen.append("nobody responds")
        except Error as error:
            self.seen.append(type(error).__name__)
        else:
            self.seen.append(json.loads(message.data) if message.data else "empty")

    async def send(self, last: str, payload: bytes = b"", **headers: str) -> None:
        """Publish without a reply."""
        await self.client.publish(self.subject(last), payload, headers=_dashed(headers))

    async def pull(self, consumer: str = "c", **request: Any) -> int:  # noqa: ANN401 - JetStream's JSON; seconds, not nanoseconds
        """Ask for messages; answer the number of the pull."""
        if not self._inbox:
            self._inbox = self.client.new_inbox()
            self._subscription = await self.client.subscribe(f"{self._inbox}.*", cb=self._take)
        self._pulls += 1
        for setting in {"expires", "idle_heartbeat"} & request.keys():
            request[setting] = int(request[setting] * NANOSECONDS)
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.stream}.{consumer}"
        await self.client.publish(subject, json.dumps(request).encode(), reply=f"{self._inbox}.{self._pulls}")
        return self._pulls

    async def leave(self) -> None:
        """Stop listening for what was pulled."""
        await self._subscription.unsubscribe()
        self._inbox = ""

    async def deliveries(self, count: int) -> list[str]:
        """Wait for so many deliveries, note them, and answer where to acknowledge them."""
        replies: list[str] = []
        while len(replies) < count:
            message = await self._next()
            if message.reply:
                replies.append(message.reply)
        return replies

    async def until_ended(self) -> list[str]:
        """Wait until a pull is ended by a word, note all, and answer where to acknowledge what was delivered."""
        replies: list[str] = []
        while (message := await self._next()).reply:
            replies.append(message.reply)
        return replies

    async def answer(self, reply: str, payload: bytes) -> None:
        """Answer a delivery."""
        await self.client.publish(reply, payload)

    async def _next(self) -> Msg:
        """Note the next message that is no heartbeat."""
        async with asyncio.timeout(_DEADLINE_SECONDS):
            while True:
                message = await self._arrived.get()
                headers = message.headers or {}
                if headers.get("Status") != "100":
                    self._note(message, headers)
                    return message

    def _note(self, message: Msg, headers: dict[str, str]) -> None:
        parts = message.reply.split(".")
        place = [part for number, part in enumerate(parts[4:], 4) if number != _WHEN]
        to = "inbox" if message.subject.startswith(self._inbox) else message.subject.replace(self.name, "")
        noted = {name: headers[name].strip() for name in _HEADERS if name in headers}
        if noted.get("Status") == _INBOXES_VARY:
            noted.pop("Description")
        self.seen.append((to, message.data, place, noted))

    async def _take(self, message: Msg) -> None:
        self._arrived.put_nowait(message)


def _dashed(headers: dict[str, str]) -> dict[str, str] | None:
    return {name.replace("_", "-"): value for name, value in headers.items()} or None
