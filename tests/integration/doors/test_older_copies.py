"""An older copy of the database under a consumer that has acknowledged more: whoever starts it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from allocation.service_layer.streams import BrokerUnavailableError
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
