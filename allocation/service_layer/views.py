"""The reading side: what is committed, without going through commands; and pages of it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from allocation.domain.errors import UnknownBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocation.domain.batch import Batch
    from allocation.domain.order_line import LineStatus
    from allocation.service_layer.records import KnownStream, ParkedMessage, StreamPlace, UnfinishedPromising
    from allocation.service_layer.streams import OutboxEvent

Item = TypeVar("Item")
PAGE_SIZE_DEFAULT = 100


class Reader(Protocol):
    """The store for those who only look. Every method raises StoreUnavailableError when the store is away or too slow."""

    async def batch(self, reference: str) -> Batch | None:
        """Read one batch."""

    async def batches(self, sku: str, after: str, limit: int) -> Sequence[Batch]:
        """Read batches of a sku by reference, beginning above `after`."""

    async def lines(self, order_id: str, after: str, limit: int) -> Sequence[LineStatus]:
        """Read kept lines of an order by line_id, beginning above `after`."""

    async def outbox(self, limit: int) -> Sequence[OutboxEvent]:
        """Read the events to be published next, in the order in which they happened to each sku."""

    async def outbox_positions(self, event_ids: Sequence[str]) -> Sequence[int]:
        """Find which of these events wait to be published, and answer their positions."""

    async def logged_count(self, event_ids: Sequence[str]) -> int:
        """Count which of these events are in the log."""

    async def unfinished(self, limit: int) -> Sequence[UnfinishedPromising]:
        """Read durable commands that wait to be continued."""

    async def stream(self, name: str) -> KnownStream | None:
        """Read what is known of a stream."""

    async def parked_messages(self, places: Sequence[StreamPlace]) -> Sequence[ParkedMessage]:
        """Read parked messages, whatever became of them."""


class PageTokenError(Exception):
    """A page token is none that was handed out."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some of a list, and the token that asks for the rest; empty at the end."""

    items: Sequence[Item]
    next_page_token: str


async def batch(reader: Reader, reference: str) -> Batch:
    """Answer one batch. Raises UnknownBatch."""
    found = await reader.batch(reference)
    if found is None:
        raise UnknownBatch(reference)
    return found


async def batches(reader: Reader, sku: str, page_size: int, page_token: str) -> Page[Batch]:
    """List the batches of a sku by reference. Raises PageTokenError."""
    size = page_size or PAGE_SIZE_DEFAULT
    found = await reader.batches(sku, _key_of(page_token), size + 1)
    return _page(found, size, [batch.reference for batch in found])


async def lines(reader: Reader, order_id: str, page_size: int, page_token: str) -> Page[LineStatus]:
    """List the kept lines of an order by line_id. Raises PageTokenError."""
    size = page_size or PAGE_SIZE_DEFAULT
    found = await reader.lines(order_id, _key_of(page_token), size + 1)
    return _page(found, size, [status.line.line_id for status in found])


def _page(found: Sequence[Item], size: int, keys: Sequence[str]) -> Page[Item]:
    return Page(found[:size], _token_of(keys[size - 1]) if len(found) > size else "")


def _token_of(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _key_of(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise PageTokenError from error
