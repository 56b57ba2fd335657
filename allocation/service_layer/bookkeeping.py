"""What is done about the housekeeping commands: parked messages, lives of streams, what was published."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from allocation.domain.events import MessageEnded, MessageParked
from allocation.service_layer.records import Ending, KnownStream, ObservedStream, ParkedMessage

if TYPE_CHECKING:
    from allocation.service_layer.envelope import Receipt
    from allocation.service_layer.housekeeping import DiscardParked, MarkPublished, ObserveStream, Park, ReEmit
    from allocation.service_layer.records import StreamPlace
    from allocation.service_layer.unit_of_work import UnitOfWork


def observe_stream(command: ObserveStream, uow: UnitOfWork) -> ObservedStream:
    """Tell the lives of a stream apart: another creation time, or another message at the highest known sequence, is a new life.

    A recreated stream counts from 1 again; without this its messages would look like old ones for ever. One that was not
    recreated is an old copy of itself, perhaps with new messages after what the copy had: of it was consumed what was
    acknowledged when the copy was made.
    """
    state, before = command.state, uow.streams.get(command.state.name)
    if before is None:
        known = KnownStream(state.name, state.created_at, incarnation=1, last_sequence=0)
    elif before.created_at != state.created_at:
        known = KnownStream(state.name, state.created_at, before.incarnation + 1, last_sequence=0)
    elif (
        state.last_sequence < before.last_sequence
        or before.consumed_another(command.last_stored_at)
        or before.published_another(command.last_event_id)
    ):
        known = KnownStream(
            state.name,
            state.created_at,
            before.incarnation + 1,
            last_sequence=state.ack_floor,
            copied_through=max(before.last_sequence, before.copied_through),
        )
    else:
        return ObservedStream(before, is_another=False)
    uow.remember_stream(known)
    return ObservedStream(known, is_another=before is not None)


def mark_published(command: MarkPublished, uow: UnitOfWork) -> None:
    """Forget what the event stream has stored, and up to where it was written."""
    uow.forget_published(command.positions)
    known = uow.streams[command.stream]
    if known.incarnation == command.incarnation and known.last_sequence < command.sequence:
        uow.remember_stream(replace(known, last_sequence=command.sequence, last_event_id=command.event_id))


def park(command: Park, receipt: Receipt, uow: UnitOfWork) -> None:
    """Set a message aside whole, with its reason."""
    message, place = receipt.message, receipt.place
    uow.recorded.append(MessageParked(*place, command.reason.value))
    uow.park(
        ParkedMessage(
            place=place,
            subject=message.subject,
            headers=json.dumps(dict(message.headers), ensure_ascii=False, sort_keys=True),
            payload=message.payload,
            fingerprint=receipt.fingerprint,
            deliveries=message.deliveries,
            reason=command.reason,
            detail=command.detail,
            parked_at=uow.now,
            log_position=uow.log_position + 1,
            stored_at=message.stored_at,
        )
    )


def end_parked(place: StreamPlace, outcome: str, detail: str, uow: UnitOfWork) -> None:
    """Say what became of a parked message in the end."""
    uow.recorded.append(MessageEnded(*place, outcome, detail))
    uow.end_parked(place, Ending(outcome, detail, uow.now))


def discard_parked(command: DiscardParked, uow: UnitOfWork) -> int:
    """Set parked messages aside for good, and answer how many were parked until now."""
    still_parked = [place for place in command.places if place in uow.parked and uow.parked[place].is_open]
    for place in still_parked:
        end_parked(place, "discarded", command.reason, uow)
    return len(still_parked)


def re_emit(command: ReEmit, uow: UnitOfWork) -> int:
    """Put public events into the outbox again, and answer how many; those that wait there already are left as they are."""
    found = [event_id for event_id in command.event_ids if event_id in uow.unqueued]
    for event_id in sorted(set(found), key=uow.unqueued.__getitem__):
        uow.publish_again(event_id)
    return len(set(found))
