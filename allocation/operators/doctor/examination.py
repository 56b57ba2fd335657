"""Looks at everything once, then has each check judge what was seen. A check that breaks is a finding itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from allocation.adapters.jetstream.streams import event_id_at, stored_at
from allocation.adapters.sql.inspection import inspect
from allocation.adapters.startup_error import StartupError
from allocation.connections import database_path
from allocation.operators.broker import connected
from allocation.operators.doctor.backlog import check_backlog, check_copies, check_events
from allocation.operators.doctor.broker import look_at_broker
from allocation.operators.doctor.certificates import check_certificates
from allocation.operators.doctor.clock import check_clock
from allocation.operators.doctor.database import check_database, is_there
from allocation.operators.doctor.disk import check_disk
from allocation.operators.doctor.finding import error
from allocation.operators.doctor.patient import Patient
from allocation.operators.doctor.permissions import check_permissions
from allocation.operators.doctor.process import check_process, look_at_process
from allocation.operators.doctor.settings import check_settings
from allocation.operators.doctor.streams import check_broker, check_fill, check_streams
from allocation.operators.doctor.versions import check_schema, check_versions, own_versions
from allocation.operators.outbox_verification import verify
from allocation.service_layer.store import StoreUnavailableError
from allocation.service_layer.streams import BrokerUnavailableError, StreamMismatchError
from allocation.settings import SettingsError, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from allocation.adapters.sql.inspection import Inspection
    from allocation.operators.doctor.broker import Broker
    from allocation.operators.doctor.finding import Finding
    from allocation.operators.outbox_verification import Verification
    from allocation.settings import Settings

Findings = list[tuple[str, "Finding"]]
CHECKS: dict[str, Callable[[Patient], Iterable[Finding]]] = {
    "settings": check_settings,
    "versions": check_versions,
    "service": check_process,
    "permissions": check_permissions,
    "disk": check_disk,
    "database": check_database,
    "schema": check_schema,
    "certificates": check_certificates,
    "broker": check_broker,
    "streams": check_streams,
    "stream fill": check_fill,
    "copies": check_copies,
    "events": check_events,
    "backlog": check_backlog,
    "clock": check_clock,
}


async def examine(*, thorough: bool) -> Findings:
    """Look at all that the settings of the environment name, and answer what was found, by the name of the check."""
    try:
        settings = read_settings()
    except SettingsError as refused:
        unset = error(str(refused), "set it right or unset it; nothing else is looked at before")
        return [("settings", unset), *(("versions", finding) for finding in own_versions())]
    patient = await look(settings, thorough=thorough)
    return judge(patient)


def judge(patient: Patient, checks: dict[str, Callable[[Patient], Iterable[Finding]]] = CHECKS) -> Findings:
    """Have each check say what it finds."""
    findings: Findings = []
    for name, check in checks.items():
        try:
            findings += [(name, finding) for finding in check(patient)]
        except Exception as bug:  # noqa: BLE001 - whatever breaks one check, the others are needed all the more
            advice = "run the doctor as the user that the service runs as; if it persists, it is a bug"
            findings.append((name, error(f"this cannot be looked at: {type(bug).__name__}: {bug}", advice)))
    return findings


async def look(settings: Settings, *, thorough: bool) -> Patient:
    """Look at everything once: the broker before the database, which is then at least as far as the broker knows."""
    database, not_named = _database(settings)
    folder = None if database is None else database.parent
    running = await look_at_process(settings, folder)
    broker, not_connected = await _broker(settings, folder)
    inspection, not_inspected = await _inspection(database, thorough=thorough)
    if broker is not None and inspection is not None and any(_ends_before(stream, inspection) for stream in _streams(broker)):
        # What was consumed or published since then is no sign of an older copy: the stream is further now.
        later, _ = await _broker(settings, folder)
        _end_as(broker, later)
    if broker is not None and inspection is not None:
        await _look_at_last_messages(settings, broker, inspection)
    patient = Patient(
        settings, datetime.now(UTC), database, inspection, not_named or not_inspected, broker, not_connected, running
    )
    if thorough and broker is not None and inspection is not None:
        patient.verification, patient.not_verified = await _verification(settings)
    return patient


def _database(settings: Settings) -> tuple[Path | None, str]:
    if settings.database_url.partition(":")[0] not in ("", "sqlite", "sqlite+aiosqlite"):
        return None, ""
    try:
        return database_path(settings), ""
    except StartupError as unnamed:
        return None, str(unnamed)


async def _broker(settings: Settings, folder: Path | None) -> tuple[Broker | None, str]:
    try:
        async with connected(settings) as connection:
            return await look_at_broker(connection, settings, folder), ""
    except (BrokerUnavailableError, ValueError) as away:
        return None, str(away)


async def _look_at_last_messages(settings: Settings, broker: Broker, inspection: Inspection) -> None:
    """Ask for the messages that are where the service consumed and published its last: a copy may have others there."""
    inbound, events = (
        None if stream is None else inspection.streams.get(stream["config"]["name"])
        for stream in (broker.inbound, broker.events)
    )
    try:
        async with connected(settings) as connection:
            if inbound is not None and inbound.last_stored_at is not None:
                broker.last_consumed_stored_at = await stored_at(connection, inbound.name, inbound.last_sequence)
            if events is not None and events.last_event_id is not None:
                broker.last_published_event_id = await event_id_at(connection, events.name, events.last_sequence)
    except (BrokerUnavailableError, ValueError) as error:
        broker.not_answered = str(error)


async def _verification(settings: Settings) -> tuple[Verification | None, str]:
    try:
        return await verify(settings, since=None, shown_max=0), ""
    except (
        BrokerUnavailableError,
        StreamMismatchError,
        StartupError,
        StoreUnavailableError,
        SQLAlchemyError,
        ValueError,
    ) as error:
        return None, str(error) or type(error).__name__


def _streams(broker: Broker) -> list[dict[str, Any]]:
    return [stream for stream in (broker.inbound, broker.events) if stream is not None]


def _ends_before(stream: dict[str, Any], inspection: Inspection) -> bool:
    known = inspection.streams.get(stream["config"]["name"])
    return known is not None and stream["state"]["last_seq"] < known.last_sequence


def _end_as(broker: Broker, later: Broker | None) -> None:
    ends = {stream["config"]["name"]: stream["state"]["last_seq"] for stream in ([] if later is None else _streams(later))}
    for stream in _streams(broker):
        stream["state"]["last_seq"] = ends.get(stream["config"]["name"], stream["state"]["last_seq"])


async def _inspection(database: Path | None, *, thorough: bool) -> tuple[Inspection | None, str]:
    if database is None or not is_there(database):
        return None, ""
    try:
        return await inspect(database, thorough=thorough), ""
    except DBAPIError as unreadable:
        return None, f"the database {database} cannot be read: {unreadable.orig}"
    except (StartupError, SQLAlchemyError, OSError) as unreadable:
        return None, str(unreadable)
    except (ValueError, OverflowError) as impossible:
        return None, f"the database {database} holds a row that no service has written: {impossible}"
