"""Follows the events with a durable consumer, through restarts of the broker and of itself."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from functools import partial
from typing import Any

import nats
from nats.js.errors import NotFoundError
from stock.allocation.v1 import events_pb2, options_pb2

from examples.audit.ledger import Ledger

STREAM = "ALLOCATION_EVENTS"
TROUBLE = (nats.errors.Error, OSError, TimeoutError)
# A client that lost its connection is thrown away: a new one waits for nothing that will never come.
CONNECTION = {"allow_reconnect": False, "max_reconnect_attempts": 1, "ping_interval": 2}
connect = partial(nats.connect, os.environ.get("NATS_URL", "nats://127.0.0.1:4222"), **CONNECTION)
KINDS: Any = events_pb2.DESCRIPTOR.message_types_by_name.values()
OPTIONS = [kind.GetOptions().Extensions[options_pb2.event] for kind in KINDS]
SUBJECTS = [options.subject for options in OPTIONS if options.direction == options_pb2.DIRECTION_OUTBOUND]


def say(**values: object) -> None:
    """Print a JSON object."""
    print(json.dumps(values, ensure_ascii=False), flush=True)


async def run(name: str, ledger: Ledger) -> int:
    """Follow the events for ever, with a new client whenever something is wrong with the last one."""
    for ending in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(ending, os._exit, 0)  # at any moment: not even a kill does harm
    say(figures=ledger.figures())
    while True:
        try:
            await follow(name, ledger)
        except TROUBLE as error:
            print(f"audit: {type(error).__name__}: {error}; trying again", file=sys.stderr)
            await asyncio.sleep(1)


async def follow(name: str, ledger: Ledger) -> None:
    """Take what comes, write the ledger, then ack; in this order, so that a kill in between loses and doubles nothing."""
    async with await connect() as client:
        jetstream = client.jetstream(timeout=3)
        if not ledger.ids:  # a fresh start: have everything delivered, also what an earlier life has acked
            with suppress(NotFoundError):
                await jetstream.delete_consumer(STREAM, name)
        consumer = await jetstream.add_consumer(STREAM, durable_name=name, filter_subjects=SUBJECTS, ack_wait=3)
        if consumer.num_ack_pending:  # what was not acked comes again, and before anything else if it is waited for
            await asyncio.sleep(3)
        subscription = await jetstream.pull_subscribe_bind(consumer=name, stream=STREAM)
        while True:
            try:
                messages = await subscription.fetch(100, timeout=4)
            except TimeoutError:  # nothing new, if the consumer is there to say so
                await subscription.consumer_info()
                continue
            found = []
            for message in messages:
                headers = message.headers or {}
                found += ledger.take(headers.get("ce-id", ""), headers.get("ce-type", ""), message.data)
            ledger.write()
            for message in messages:
                await message.ack()
            for sentence in found:
                say(disagreement=sentence)
            say(figures=ledger.figures())
