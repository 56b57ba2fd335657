"""Whether the settings fit each other, and this release."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from allocation.adapters.startup_error import StartupError
from allocation.bootstrap import check_deliveries
from allocation.connections import event_configuration, inbound_configuration
from allocation.operators.doctor.finding import duration, error, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from allocation.operators.doctor.finding import Finding
    from allocation.operators.doctor.patient import Patient
    from allocation.settings import Settings


def check_settings(patient: Patient) -> Iterator[Finding]:
    """Say which settings contradict others, or weaken a promise."""
    found = [*_contradictions(patient.settings), *_retention(patient.settings)]
    yield from found
    if not found:
        changed = len(patient.settings.model_fields_set)
        yield ok(
            f"{changed} settings are set, and they fit each other" if changed else "no setting is set: all have their defaults"
        )


def _contradictions(settings: Settings) -> Iterator[Finding]:
    try:
        check_deliveries(settings)
    except StartupError as refused:
        yield error(str(refused), "raise ALLOCATION_DELIVERIES_MAX or lower ALLOCATION_UNKNOWN_WAIT_SECONDS")
    if settings.database_url.startswith("memory:"):
        yield warning("ALLOCATION_DATABASE_URL=memory: keeps nothing when the service ends", "unset ALLOCATION_DATABASE_URL")
    if settings.group_commands_max > settings.waiting_commands_max:
        yield warning(
            f"ALLOCATION_GROUP_COMMANDS_MAX={settings.group_commands_max} is above "
            f"ALLOCATION_WAITING_COMMANDS_MAX={settings.waiting_commands_max}: no group can become so large",
            f"ALLOCATION_WAITING_COMMANDS_MAX={settings.group_commands_max * 40}",
        )
    if settings.fetch_messages_max > (pending_max := inbound_configuration(settings).ack_pending_max):
        yield warning(
            f"ALLOCATION_FETCH_MESSAGES_MAX={settings.fetch_messages_max} is above {pending_max}, what may be unacknowledged",
            f"ALLOCATION_FETCH_MESSAGES_MAX={pending_max}",
        )
    if not settings.grpc_certificate_file and not _is_loopback(settings.grpc_host):
        yield warning(
            f"gRPC on {settings.grpc_host} is plain text for whoever reaches that address",
            "set ALLOCATION_GRPC_CERTIFICATE_FILE and ALLOCATION_GRPC_KEY_FILE, or ALLOCATION_GRPC_HOST=127.0.0.1",
        )


def _retention(settings: Settings) -> Iterator[Finding]:
    held = {
        "inbox_retention_seconds": inbound_configuration(settings).age_max_seconds,
        "parked_retention_seconds": inbound_configuration(settings).age_max_seconds,
        "log_retention_seconds": event_configuration(settings).age_max_seconds,
    }
    for name, stream_seconds in held.items():
        seconds = getattr(settings, name)
        if seconds < stream_seconds:
            yield warning(
                f"ALLOCATION_{name.upper()}={seconds:.15g} is below {stream_seconds:.0f}, what its stream holds a message: "
                "a stream that is restored from a backup may bring what was forgotten",
                f"ALLOCATION_{name.upper()}={stream_seconds * 1.5:.0f} ({duration(stream_seconds * 1.5)})",
            )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
