"""The stock of a day, and the example's own book of what each batch should hold."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp
from stock.allocation.v1.allocation_service_pb2 import CreateBatchRequest
from stock.allocation.v1.inbound_events_pb2 import BatchQuantityChanged

from examples.online_retail.days import Adjustment, Day, demand

if TYPE_CHECKING:
    from datetime import date


@dataclass
class StockBook:
    """What arrived, and what every batch was to hold, one quantity after another.

    Of the day's demand for a sku `coverage` is bought, rounded up: of that `in_stock` lies on the shelf in the morning, the
    rest is a shipment expected the next midnight. Damage and finds concern the shelf.
    """

    coverage: float
    in_stock: float
    quantities: dict[str, list[int]] = field(default_factory=dict)
    skus: dict[str, str] = field(default_factory=dict)
    days: dict[str, date] = field(default_factory=dict)
    shelves: dict[str, str] = field(default_factory=dict)

    def receive(self, day: Day) -> list[CreateBatchRequest]:
        """Enter the batches of a day, and answer them."""
        tomorrow = Timestamp()
        tomorrow.FromDatetime(datetime.combine(day.date + timedelta(days=1), time(), UTC))
        batches = []
        for sku, asked in demand(day.lines).items():
            bought = math.ceil(round(asked * self.coverage, 6))
            on_shelf = max(1, round(bought * self.in_stock))
            shelf = CreateBatchRequest(batch_reference=f"{sku}-{day.date}-shelf", sku=sku, purchased_quantity=on_shelf)
            batches.append(shelf)
            self.shelves[sku] = shelf.batch_reference
            if bought > on_shelf:
                reference = f"{sku}-{day.date}-shipment"
                shipped = bought - on_shelf
                batches.append(CreateBatchRequest(batch_reference=reference, sku=sku, purchased_quantity=shipped, eta=tomorrow))
        for batch in batches:
            self.quantities[batch.batch_reference] = [batch.purchased_quantity]
            self.skus[batch.batch_reference] = batch.sku
            self.days[batch.batch_reference] = day.date
        return batches

    def adjust(self, adjustment: Adjustment) -> BatchQuantityChanged | None:
        """Enter damage or a find on the sku's latest shelf, never below 0.

        None: there is no shelf, since nobody has ordered the sku yet, or nothing is left on it to lose.
        """
        reference = self.shelves.get(adjustment.sku)
        if reference is None:
            return None
        before = self.quantities[reference][-1]
        after = max(0, before + adjustment.change)
        if after == before:
            return None
        self.quantities[reference].append(after)
        return BatchQuantityChanged(batch_reference=reference, quantity=after)
