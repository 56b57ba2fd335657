"""One message that the broker has acknowledged, to be looked for after everything that happens to the broker."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import nats
from nats.js.api import StreamConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.js import JetStreamContext

STREAM = "SHELF"
SUBJECT = "shelf.filled"
PAYLOAD = b"one RETRO-CLOCK"


async def publish(url: str) -> None:
    """Publish the message and wait until it is acknowledged."""
    async with _jetstream(url) as jetstream:
        await jetstream.add_stream(StreamConfig(name=STREAM, subjects=[SUBJECT]))
        await jetstream.publish(SUBJECT, PAYLOAD)


async def is_kept(url: str) -> bool:
    """Whether the message, and no other, is in the store."""
    async with _jetstream(url) as jetstream:
        state = (await jetstream.stream_info(STREAM)).state
        return state.messages == 1 and (await jetstream.get_msg(STREAM, 1)).data == PAYLOAD


@asynccontextmanager
async def _jetstream(url: str) -> AsyncIterator[JetStreamContext]:
    async def ignore(_: Exception) -> None:
        """Leave it to the attempt that succeeds, or to the deadline."""

    async with asyncio.timeout(20.0):
        client = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.05, error_cb=ignore)
        try:
            yield client.jetstream()
        finally:
            await client.close()
