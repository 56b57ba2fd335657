"""Names that no other test has used: the tests of a session share one service."""

from __future__ import annotations

import uuid


def random_sku(name: str = "SMALL-TABLE") -> str:
    """Make up a sku."""
    return f"{name}-{_suffix()}"


def random_batch_reference(name: str = "batch") -> str:
    """Make up a batch reference."""
    return f"{name}-{_suffix()}"


def random_order_id(name: str = "order") -> str:
    """Make up an order id."""
    return f"{name}-{_suffix()}"


def _suffix() -> str:
    return uuid.uuid4().hex[:8]
