"""The durable consumer of the inbound stream: created where it is missing, compared where it is not, and made anew."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

import structlog

from allocation.adapters.jetstream.api import ask, ask_if_there
from allocation.adapters.jetstream.comparison import consumer_differences, settle
from allocation.adapters.jetstream.errors import CONSUMER_NAME_IN_USE, CONSUMER_NOT_FOUND, RefusedError

if TYPE_CHECKING:
    from datetime import datetime

    from allocation.adapters.jetstream.configuration import InboundConfiguration
    from allocation.adapters.jetstream.connection import BrokerConnection

log = structlog.get_logger()


async def ensured_consumer(
    connection: BrokerConnection, stream: str, configuration: InboundConfiguration, *, adopt: bool
) -> dict[str, Any]:
    """Create the consumer unless it is there already, and answer what JetStream says of it. Raises as `ensure_stream`."""
    ours = configuration.consumer()
    name = configuration.consumer_name
    found = await ask_if_there(connection, f"CONSUMER.INFO.{stream}.{name}", CONSUMER_NOT_FOUND)
    if found is None:
        try:
            found = await ask(
                connection,
                f"CONSUMER.CREATE.{stream}.{name}",
                {"stream_name": stream, "config": ours, "action": "create"},
            )
            log.info("consumer_created", stream=stream, consumer=name)
        except RefusedError as refusal:
            if refusal.code != CONSUMER_NAME_IN_USE:
                raise
            # Another instance was faster.
            found = await ask(connection, f"CONSUMER.INFO.{stream}.{name}")
    settle(f"consumer {name} of stream {stream}", consumer_differences(ours, found["config"]), adopt=adopt)
    return found


async def replace_consumer(
    connection: BrokerConnection, stream: str, configuration: InboundConfiguration, start: int | datetime
) -> int:
    """Delete the durable consumer and make it anew from a sequence or an instant on; answer how many messages wait for it.

    Raises:
        BrokerUnavailableError: the broker is away.

    """
    name = configuration.consumer_name
    if await ask_if_there(connection, f"CONSUMER.INFO.{stream}.{name}", CONSUMER_NOT_FOUND) is not None:
        await ask(connection, f"CONSUMER.DELETE.{stream}.{name}")
    answer = await ask(
        connection,
        f"CONSUMER.CREATE.{stream}.{name}",
        {"stream_name": stream, "config": configuration.consumer() | _beginning(start), "action": "create"},
    )
    pending: int = answer["num_pending"]
    log.info("consumer_replaced", stream=stream, consumer=name, start=str(start), pending=pending)
    return pending


def _beginning(start: int | datetime) -> dict[str, Any]:
    if isinstance(start, int):
        return {"deliver_policy": "by_start_sequence", "opt_start_seq": start}
    return {"deliver_policy": "by_start_time", "opt_start_time": start.astimezone(UTC).isoformat()}
