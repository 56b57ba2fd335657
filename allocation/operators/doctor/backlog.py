"""What waits: to be consumed, to be published, for an operator; and whether database and broker are of one age."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocation.adapters.jetstream.streams import ack_floor
from allocation.connections import inbound_configuration
from allocation.operators.consumer import after_an_older_stream
from allocation.operators.doctor.finding import duration, error, note, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from allocation.operators.doctor.finding import Finding
    from allocation.operators.doctor.patient import Patient
    from allocation.service_layer.records import KnownStream

_WAITS_SECONDS_MAX = 60.0


def check_backlog(patient: Patient) -> Iterator[Finding]:
    """Say what waits, and for how long."""
    yield from _check_inbound(patient)
    yield from _check_outbox(patient)
    yield from _check_parked(patient)


def check_copies(patient: Patient) -> Iterator[Finding]:
    """Say whether the database or a stream was restored from an older copy than the other."""
    if patient.broker is None or patient.inspection is None or not patient.inspection.is_current:
        return
    found = 0
    if patient.broker.not_answered:
        found += 1
        yield warning(
            f"whether a stream is an older copy that has grown since cannot be told: {patient.broker.not_answered}",
            "let the service's user publish to $JS.API.STREAM.MSG.GET.>, or see what is said of the broker",
        )
    for stream in (patient.broker.inbound, patient.broker.events):
        known = patient.inspection.streams.get(stream["config"]["name"]) if stream is not None else None
        if stream is not None and known is not None:
            for finding in _check_copy(patient, stream, known):
                found += 1
                yield finding
    if not found:
        yield ok("database and streams are of one age, as far as their last messages tell")


def check_events(patient: Patient) -> Iterator[Finding]:
    """Say whether the event stream has what the log has, if that was looked at."""
    verification = patient.verification
    if patient.broker is None or patient.broker.events is None or patient.inspection is None:
        return
    if patient.not_verified:
        yield warning(
            f"the events of log and stream could not be compared: {patient.not_verified}",
            "see what is said of database and broker, then ask again",
        )
        return
    if verification is None:
        advice = "allocation doctor --thorough"
        yield note("whether the event stream has every event of the log was not looked at", advice)
        return
    name = verification.stream.name
    if verification.missing:
        advice = "allocation outbox verify, then allocation outbox re-emit"
        yield error(f"stream {name} lacks {verification.missing:,} events of the log", advice)
    if verification.unknown:
        said = f"stream {name} holds {verification.unknown:,} events that the log does not"
        yield warning(f"{said}: the database is an older copy, or others publish there", "allocation outbox verify")
    if verification.is_well:
        yield ok(f"stream {name} has every event of the log that does not wait to be published, and no others")


def _check_inbound(patient: Patient) -> Iterator[Finding]:
    broker = patient.broker
    if broker is None or broker.consumer is None:
        return
    unread, unacknowledged = broker.consumer["num_pending"], broker.consumer["num_ack_pending"]
    oldest = broker.oldest_unacknowledged
    if oldest is None:
        yield ok("every inbound message is acknowledged")
        return
    age = patient.age(oldest)
    limit = max(_WAITS_SECONDS_MAX, 2 * patient.settings.unknown_wait_seconds)
    said = f"{unread:,} inbound messages are unread and {unacknowledged:,} unacknowledged, the oldest for {duration(age)}"
    if age <= limit:
        yield ok(f"{said} (at most {duration(limit)})")
    elif not patient.running.is_running:
        yield warning(f"{said}: no service runs", "start the service")
    else:
        yield warning(
            f"{said}, above {duration(limit)}", "see the service's log for what it retries, and: allocation parked list"
        )


def _check_outbox(patient: Patient) -> Iterator[Finding]:
    found = patient.inspection
    if found is None or not found.is_current:
        return
    if found.outbox_oldest_at is None:
        yield ok("every event is published")
        return
    age = patient.age(found.outbox_oldest_at)
    said = f"{found.outbox_rows:,} events wait to be published, the first happened {duration(age)} ago"
    if age <= _WAITS_SECONDS_MAX:
        yield ok(f"{said} (at most {duration(_WAITS_SECONDS_MAX)})")
    elif not patient.running.is_running:
        yield warning(f"{said}: no service runs", "start the service")
    else:
        yield warning(
            f"{said}, above {duration(_WAITS_SECONDS_MAX)}", "see what is said of the broker, and: allocation outbox status"
        )


def _check_parked(patient: Patient) -> Iterator[Finding]:
    found = patient.inspection
    if found is None or not found.is_current:
        return
    if found.parked_oldest_at is None:
        yield ok("no message is parked")
    else:
        age = duration(patient.age(found.parked_oldest_at))
        yield warning(f"messages that are parked: {found.parked_rows:,}, the oldest for {age}", "allocation parked list")


def _check_copy(patient: Patient, stream: dict[str, Any], known: KnownStream) -> Iterator[Finding]:
    name, last = known.name, stream["state"]["last_seq"]
    if stream["created"] != known.created_at:
        notices = "the service notices when it binds to it anew, at its next start at the latest"
        advice = notices if patient.running.is_running else "start the service: it notices"
        yield note(f"stream {name} was made anew since the service was last bound to it", advice)
        return
    is_inbound = patient.broker is not None and stream is patient.broker.inbound
    if last < known.last_sequence:
        yield warning(
            f"stream {name} ends at {last:,}, and the database knows it up to {known.last_sequence:,}: it is an older copy",
            _after_an_older_copy(patient, is_inbound=is_inbound),
        )
    if patient.broker is not None and is_inbound and known.consumed_another(patient.broker.last_consumed_stored_at):
        yield warning(
            f"message {known.last_sequence:,} of stream {name} is not the one that the database has consumed: it is an older "
            "copy that has grown since",
            _after_an_older_copy(patient, is_inbound=True),
        )
    if patient.broker is not None and not is_inbound and known.published_another(patient.broker.last_published_event_id):
        yield warning(
            f"event {known.last_sequence:,} of stream {name} is not the one that the service published: it is an older copy "
            "that has grown since",
            _after_an_older_copy(patient, is_inbound=False),
        )
    consumer = patient.broker.consumer if patient.broker is not None else None
    if consumer is None or consumer["stream_name"] != name:
        return
    floor = ack_floor(stream, consumer, inbound_configuration(patient.settings).subjects)
    if known.is_behind(floor):
        yield error(
            f"the database has consumed stream {name} up to {known.last_sequence:,}, and up to {floor:,} is acknowledged: "
            "it is an older copy",
            f"allocation consumer reset --from-sequence {known.last_sequence + 1}",
        )


def _after_an_older_copy(patient: Patient, *, is_inbound: bool) -> str:
    is_running = patient.running.is_running
    if is_inbound:
        return after_an_older_stream("if it stays so, restart the service" if is_running else "start the service")
    return f"{'' if is_running else 'start the service; then: '}allocation outbox verify"
