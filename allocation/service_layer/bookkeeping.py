"""What is done about the housekeeping commands: parked messages, lives of streams, what was published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from allocation.service_layer.records import KnownStream, ParkedMessage, StreamPlace

if TYPE_CHECKING:
    from datetime import datetime

    from allocation.service_layer.envelope import Receipt
    from allocation.service_layer.housekeeping import MarkPublished, ObserveStream, Park
    from allocation.service_layer.unit_of_work import UnitOfWork


def observe_stream(command: ObserveStream, uow: UnitOfWork) -> KnownStream:
    """Tell the lives of a stream apart: another creation time, or a last sequence below the highest known, is a new life.

    A recreated stream counts from 1 again; without this its messages would look like old ones for ever.
    """
    state, known = command.state, uow.streams.get(command.state.name)
    if known is None:
        known = KnownStream(state.name, state.created_at, incarnation=1, last_sequence=0)
    elif known.created_at != state.created_at or state.last_sequence < known.last_sequence:
        known = KnownStream(state.name, state.created_at, known.incarnation + 1, last_sequence=0)
    else:
        return known
    uow.remember_stream(known)
    return known


def mark_published(command: MarkPublished, uow: UnitOfWork) -> None:
    """Forget what the event stream has stored, and up to where it was written."""
    uow.forget_published(command.positions)
    known = uow.streams[command.stream]
    if known.incarnation == command.incarnation and known.last_sequence < command.sequence:
        uow.remember_stream(KnownStream(known.name, known.created_at, known.incarnation, command.sequence))


def park(command: Park, receipt: Receipt, uow: UnitOfWork, now: datetime) -> None:
    """Set a message aside whole, with its reason."""
    message = receipt.message
    uow.park(
        ParkedMessage(
            place=StreamPlace(message.stream, receipt.incarnation, message.sequence),
            subject=message.subject,
            headers=json.dumps(dict(message.headers), ensure_ascii=False, sort_keys=True),
            payload=message.payload,
            fingerprint=receipt.fingerprint,
            deliveries=message.deliveries,
            reason=command.reason,
            detail=command.detail,
            parked_at=now,
        )
    )
