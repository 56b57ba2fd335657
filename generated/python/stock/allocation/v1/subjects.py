# Generated from the options of the event messages in protos/. DO NOT EDIT.
"""The NATS subject of each event."""

from typing import Final

ALLOCATED: Final = "allocation.allocated"
DEALLOCATED: Final = "allocation.deallocated"
BACKORDERED: Final = "allocation.backordered"
OUT_OF_STOCK: Final = "allocation.out_of_stock"
STOCK_CHANGED: Final = "allocation.stock_changed"
REJECTED: Final = "allocation.rejected"
BATCH_CREATED: Final = "batch.created"
BATCH_QUANTITY_CHANGED: Final = "batch.quantity.changed"
ORDER_PLACED: Final = "order.placed"
