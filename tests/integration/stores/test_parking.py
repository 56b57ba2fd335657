"""A message is set aside once, however often and by whichever consumer it is delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from stock.allocation.v1.inbound_events_pb2 import BatchCreated

from allocation.entrypoints.inbound_envelope import envelope_of
from allocation.service_layer.housekeeping import ObserveStream
from allocation.service_layer.inbox import Consumption
from allocation.service_layer.messagebus import MessageBus
from allocation.service_layer.streams import StreamState
from tests.unit.house import INBOUND, asked, message_of, recorder

if TYPE_CHECKING:
    from allocation.service_layer.envelope import Envelope
    from tests.integration.stores.examples import Opened

GOOD, BAD = BatchCreated(batch_reference="b1", sku="RUG", purchased_quantity=1), BatchCreated(batch_reference="b1")


@pytest.mark.parametrize("deliveries", [2, 1], ids=["redelivered", "delivered to a consumer that was created anew"])
@pytest.mark.parametrize("identity", ["without identity", "reused identity"])
async def test_a_parked_message_that_comes_again_is_parked_already(opened: Opened, identity: str, deliveries: int) -> None:
    bus = MessageBus(recorder(), promises_per_transaction_max=1_000)

    async def handled(envelope: Envelope) -> object:
        outcome = await opened.store.transact(lambda transaction: bus.handle([envelope], transaction))
        return outcome.answers[0]

    def message(event: BatchCreated, sequence: int, times: int = 1) -> Envelope:
        headers = {"ce-source": "/shop", "ce-id": "7"} if identity == "reused identity" else {}
        return envelope_of(message_of(event, sequence, times, headers), 1, lambda: "new-id")

    await handled(asked(ObserveStream(StreamState(INBOUND, "monday", 0))))
    assert await handled(message(GOOD, 1)) is Consumption.APPLIED
    assert await handled(message(BAD, 2)) is Consumption.PARKED
    assert await handled(message(BAD, 2, deliveries)) is Consumption.PARKED_ALREADY
