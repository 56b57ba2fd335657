"""A patient in good health, and what it can be given to suffer from."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allocation.adapters.sql.inspection import Inspection
from allocation.connections import event_configuration, inbound_configuration
from allocation.operators.doctor.broker import Broker
from allocation.operators.doctor.finding import Level
from allocation.operators.doctor.patient import Patient
from allocation.operators.doctor.process import Running
from allocation.service_layer.records import KnownStream
from allocation.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from allocation.operators.doctor.finding import Finding

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def stream(configuration: dict[str, Any], **state: Any) -> dict[str, Any]:  # noqa: ANN401 - as JetStream answers
    """Answer what JetStream says of a stream that was created with a configuration."""
    found = {"messages": 0, "bytes": 0, "first_seq": 0, "last_seq": 0, "consumer_count": 1} | state
    return {"config": copy.deepcopy(configuration), "created": "monday", "state": found, "cluster": {"leader": "one"}}


def healthy(**set_to: Any) -> Patient:  # noqa: ANN401 - settings of any type
    """Answer a patient whose service runs and has nothing to do, with settings of its own."""
    settings = Settings(**set_to)
    inbound, events = inbound_configuration(settings), event_configuration(settings)
    consumer = {
        "stream_name": inbound.name,
        "config": inbound.consumer(),
        "num_pending": 0,
        "num_ack_pending": 0,
        "delivered": {"consumer_seq": 7, "stream_seq": 7},
        "ack_floor": {"consumer_seq": 7, "stream_seq": 7},
    }
    broker = Broker(
        version="2.15.1",
        cluster="",
        inbound=stream(inbound.stream(), last_seq=7),
        events=stream(events.stream(), last_seq=9),
        consumer=consumer,
        oldest_unacknowledged=None,
        clock_offset_seconds=0.0,
        syncs_always=True,
        sync_source="by its configuration file",
        is_embedded=True,
    )
    known = {inbound.name: KnownStream(inbound.name, "monday", 1, 7), events.name: KnownStream(events.name, "monday", 1, 9)}
    inspection = Inspection("wal", "0002", "0002", is_revision_known=True, streams=known)
    health = {"": "SERVING", "allocation.broker": "SERVING"}
    return Patient(
        settings,
        NOW,
        Path("/nowhere/allocation.sqlite3"),
        inspection,
        "",
        broker,
        "",
        Running(process_id=1, answering_process_id=1, health=health),
    )


def broker_of(patient: Patient) -> Broker:
    """Answer its broker."""
    assert patient.broker is not None
    return patient.broker


def inspection_of(patient: Patient) -> Inspection:
    """Answer what its database holds."""
    assert patient.inspection is not None
    return patient.inspection


def stopped(patient: Patient) -> Patient:
    """Answer the same without its service."""
    return replace(patient, running=Running())


def bad(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """Answer the findings that are bad, and see that each says what to do."""
    found = [finding for finding in findings if finding.level in (Level.WARNING, Level.ERROR)]
    assert all(finding.advice for finding in found)
    return [(finding.level.value, finding.found) for finding in found]
