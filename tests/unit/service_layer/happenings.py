"""What happens to batches of a rug, as inbound events."""

from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged

RUG = "GARISH-RUG"


def created(reference: str = "b1", quantity: int = 10) -> BatchCreated:
    """A batch was bought."""
    return BatchCreated(batch_reference=reference, sku=RUG, purchased_quantity=quantity)


def changed(quantity: int, reference: str = "b1") -> BatchQuantityChanged:
    """A batch holds another quantity."""
    return BatchQuantityChanged(batch_reference=reference, quantity=quantity)
