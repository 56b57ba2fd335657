"""The statements by which a transaction loads what a group of commands touches; their number does not grow with the group."""

from __future__ import annotations

from sqlalchemy import bindparam, func, select, text

from allocation.adapters.sql import tables
from allocation.adapters.sql.keys import among, with_keys
from allocation.domain.order_line import LineState

LATEST_LINES = 16
"""How many lines of each batch that may shrink are loaded at once; more are loaded as they are asked for."""

_lines, _batches = tables.order_lines, tables.batches


PRODUCTS = select(tables.products).where(among(tables.products.c.sku))
BATCHES = select(_batches).where(among(_batches.c.reference))
BATCHES_IN_USE = select(_batches).where(among(_batches.c.sku), text(f"({tables.HAS_ROOM_OR_SHRINKS})"))
BATCHES_OF_SKU = select(_batches).where(among(_batches.c.sku))
PROMISED = (
    select(_batches.c.sku, _batches.c.reference, func.sum(_lines.c.quantity), func.max(_lines.c.promise_number))
    .join_from(_batches, _lines, _lines.c.batch_reference == _batches.c.reference)
    .where(among(_batches.c.sku))
    .group_by(_batches.c.sku, _batches.c.reference)
)
WAITING_COUNT = (
    select(_lines.c.sku, func.count(), func.max(_lines.c.promise_number))
    .where(among(_lines.c.sku), _lines.c.batch_reference.is_(None))
    .group_by(_lines.c.sku)
)
UNFINISHED = select(tables.internal_commands.c.sku).where(among(tables.internal_commands.c.sku))
LINES = with_keys(select(_lines), _lines.c.order_id, _lines.c.line_id)
INBOX = with_keys(select(*tables.inbox.c["source", "message_id", "fingerprint"]), *tables.inbox.c["source", "message_id"])
PLACE = tuple(tables.parked_messages.c["stream", "incarnation", "sequence"])
PARKED = with_keys(select(*PLACE, *tables.parked_messages.c["ending", "log_position"]), *PLACE)
FENCES = select(tables.fences).where(among(tables.fences.c.batch_reference))
STREAMS = select(tables.streams).where(among(tables.streams.c.name))
UNQUEUED = (
    select(*tables.events.c["event_id", "position"])
    .join_from(tables.events, tables.outbox, tables.outbox.c.position == tables.events.c.position, isouter=True)
    .where(among(tables.events.c.event_id), tables.events.c.subject.is_not(None), tables.outbox.c.position.is_(None))
)
LOG_POSITION = select(func.max(tables.events.c.position))
LATEST = (
    select(_lines)
    .where(_lines.c.batch_reference == bindparam("batch_reference"), _lines.c.promise_number < bindparam("below"))
    .order_by(_lines.c.promise_number.desc())
    .limit(bindparam("limit"))
)
_other = tables.order_lines.alias()
LATEST_OF_EACH = (
    select(_lines)
    .join(_batches, _lines.c.batch_reference == _batches.c.reference)
    .where(
        among(_batches.c.reference),
        _lines.c.promise_number
        >= func.coalesce(
            select(_other.c.promise_number)
            .where(_other.c.batch_reference == _batches.c.reference)
            .order_by(_other.c.promise_number.desc())
            .limit(1)
            .offset(LATEST_LINES - 1)
            .correlate(_batches)
            .scalar_subquery(),
            0,
        ),
    )
    .order_by(_lines.c.batch_reference, _lines.c.promise_number.desc())
)
WAITING = (
    select(_lines)
    .where(
        _lines.c.sku == bindparam("sku"),
        _lines.c.batch_reference.is_(None),
        _lines.c.promise_number > bindparam("after"),
        (_lines.c.quantity <= bindparam("quantity_max")) | (_lines.c.state == LineState.DISPLACED.value),
    )
    .order_by(_lines.c.promise_number)
    .limit(bindparam("limit"))
)
