"""An older copy of the database, whose operator is told, and an older copy of the stream, which is another life of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from stock.allocation.v1.inbound_events_pb2 import BatchQuantityChanged
from structlog.testing import capture_logs

from allocation.service_layer.streams import BrokerUnavailableError
from tests.integration.doors.brokers import INBOUND
from tests.integration.doors.consuming import running_consumer
from tests.unit.service_layer.happenings import created
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.integration.doors.consuming import Consuming

BEHIND = "the database is behind its consumer: it may be an older copy"


async def bind_again(consuming: Consuming) -> None:
    """Take the broker away for a moment."""
    binds, fetches = consuming.inbound.binds, consuming.inbound.fetches
    consuming.inbound.away = BrokerUnavailableError("gone")
    consuming.inbound.wake()
    await eventually(lambda: consuming.inbound.binds > binds)
    consuming.inbound.away = None
    await eventually(lambda: consuming.inbound.fetches > fetches)


async def test_a_database_that_is_behind_is_logged_once_with_the_command_that_mends_it() -> None:
    with capture_logs() as logged:
        async with running_consumer() as consuming:
            sequence = consuming.inbound.publish(created("b1"), created("b2"))
            await consuming.answered(sequence, "ack")
            await bind_again(consuming)
            assert BEHIND not in [line["event"] for line in logged]
            consuming.inbound.ack_floor = 7
            await bind_again(consuming)
            await bind_again(consuming)
    (told,) = (line for line in logged if line["event"] == BEHIND)
    assert (told["log_level"], told["consumed_through"], told["acknowledged_through"]) == ("warning", 2, 7)
    assert told["command"] == "allocation consumer reset --from-sequence 3"


async def test_a_database_that_has_consumed_all_that_was_acknowledged_is_not_behind() -> None:
    with capture_logs() as logged:
        async with running_consumer() as consuming:
            sequence = consuming.inbound.publish(created("b1"))
            await consuming.answered(sequence, "ack")
            consuming.inbound.ack_floor = 1
            await bind_again(consuming)
    assert BEHIND not in [line["event"] for line in logged]


@pytest.mark.parametrize("unanswered", [0, 1, 2])
async def test_an_older_copy_of_the_stream_is_known_by_its_messages_when_it_has_grown_since(unanswered: int) -> None:
    async with running_consumer() as consuming:
        changed = [BatchQuantityChanged(batch_reference="b1", quantity=quantity) for quantity in (2, 3, 4)]
        await consuming.answered(consuming.inbound.publish(created("b1"), changed[0], changed[1]), "ack")
        consuming.inbound.away = BrokerUnavailableError("gone")
        consuming.inbound.wake()
        binds = consuming.inbound.binds
        await eventually(lambda: consuming.inbound.binds > binds)

        consuming.inbound.put_back(1)
        last = consuming.inbound.publish(changed[2], created("b2"), created("b3"))
        consuming.inbound.unanswered = unanswered
        consuming.inbound.away = None
        await consuming.answered(last, "ack")

        assert consuming.store.streams[INBOUND].incarnation == 2
        assert consuming.store.batches_by_reference["b1"].purchased_quantity == 4, "it is newer than what its number was before"


async def test_a_stream_that_only_grew_while_nobody_looked_lives_on() -> None:
    async with running_consumer() as consuming:
        await consuming.answered(consuming.inbound.publish(created("b1"), created("b2")), "ack")
        await bind_again(consuming)
        await consuming.answered(consuming.inbound.publish(created("b3")), "ack")
        del consuming.inbound.stored[3]
        await bind_again(consuming)
        assert consuming.store.streams[INBOUND].incarnation == 1


async def test_a_broker_that_is_never_asked_with_success_is_served_and_the_permission_named() -> None:
    with capture_logs() as logged:
        async with running_consumer() as consuming:
            await consuming.answered(consuming.inbound.publish(created("b1")), "ack")
            consuming.inbound.unanswered = 1_000
            await bind_again(consuming)
            await consuming.answered(consuming.inbound.publish(created("b2")), "ack")
            await bind_again(consuming)
    told = [line for line in logged if line["event"] == "whether the inbound stream is an older copy cannot be told"]
    assert [line["permission"] for line in told] == [f"$JS.API.STREAM.MSG.GET.{INBOUND}"] * 2
    assert consuming.inbound.unanswered == 1_000 - 4, "three times at first, then once"
