"""Whether the service runs, by its lock, and whether it answers: on the admin port, by its health, and with room for files."""

from __future__ import annotations

import fcntl
import resource
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc
from stock.allocation.admin.v1.admin_service_pb2 import DescribeRequest
from stock.allocation.admin.v1.admin_service_pb2_grpc import AdminServiceStub

from allocation.entrypoints.admin_listener import LOOPBACK
from allocation.operators.doctor.finding import error, note, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from allocation.operators.doctor.finding import Finding
    from allocation.operators.doctor.patient import Patient
    from allocation.settings import Settings

LOCK_FILE = "service.lock"
_ANSWER_SECONDS = 3.0
_FILES_MIN = 1_024
_FILES_USED_MAX = 0.8
_ANYWHERE = {"0.0.0.0": LOOPBACK, "::": "[::1]", "[::]": "[::1]"}  # noqa: S104 - asked, not listened on


@dataclass
class Running:
    """The process that holds the lock of the data folder, and what answers at its ports; None: nothing does."""

    process_id: int | None = None
    answering_process_id: int | None = None
    admin_error: str = ""
    health: dict[str, str] = field(default_factory=dict)
    lock_error: str = ""

    @property
    def is_running(self) -> bool:
        """Whether a service uses the data folder, or answers as the one of a store in memory."""
        return self.process_id is not None


async def look_at_process(settings: Settings, folder: Path | None) -> Running:
    """Find out who holds the lock, and ask it."""
    running = Running()
    if folder is not None:
        try:
            running.process_id = holder(folder)
        except OSError as refused:
            running.lock_error = f"{folder / LOCK_FILE}: {refused.strerror}"
    await _ask_admin(settings, running)
    if folder is None:
        running.process_id = running.answering_process_id
    if running.is_running and not settings.grpc_certificate_file:
        await _ask_health(settings, running)
    return running


def holder(folder: Path) -> int | None:
    """Answer which process holds the lock of a data folder, 0 if it has not said so; None if none does. Creates nothing.

    Raises:
        OSError: the lock cannot be looked at.

    """
    path = folder / LOCK_FILE
    if not path.exists():
        return None
    with path.open("rb") as lock:
        try:
            # Shared, and given back at once: a service that starts at this moment tries again.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            with suppress(ValueError):
                return int(lock.read())
            return 0
    return None


def check_process(patient: Patient) -> Iterator[Finding]:
    """Say whether it runs and answers."""
    running, settings = patient.running, patient.settings
    if running.lock_error:
        yield error(
            f"whether a service runs cannot be seen: {running.lock_error}",
            "run the doctor as the user that the service runs as",
        )
    elif not running.is_running:
        yield note("no service runs on this state", "start it with: allocation dev (or serve)")
    else:
        yield ok(f"the service runs, process {running.process_id}")
    if running.is_running:
        yield from _check_admin(running, settings)
        yield from _check_health(running, settings)
    yield from _check_files(running.process_id)


def _check_admin(running: Running, settings: Settings) -> Iterator[Finding]:
    where = f"{LOOPBACK}:{settings.admin_port}"
    advice = "set ALLOCATION_ADMIN_PORT as the service has it"
    if running.answering_process_id is None:
        yield error(f"the service does not answer operators' tools on {where} ({running.admin_error})", advice)
    elif running.answering_process_id != running.process_id:
        yield error(
            f"process {running.answering_process_id} answers on {where}, and {running.process_id} is the service", advice
        )
    else:
        yield ok(f"it answers operators' tools on {where}")


def _check_health(running: Running, settings: Settings) -> Iterator[Finding]:
    where = f"{settings.grpc_host}:{settings.grpc_port}"
    if settings.grpc_certificate_file:
        yield note(f"its health on {where} is not asked over TLS", f"grpc_health_probe -tls -addr={where}")
        return
    store, broker = running.health.get("", ""), running.health.get("allocation.broker", "")
    if store == "SERVING":
        yield ok(f"it serves gRPC on {where}")
    elif store == "NOT_SERVING":
        yield error(f"its health on {where} is NOT_SERVING: the store is away", "look at its log for `store`, and at the disk")
    else:
        yield error(f"gRPC does not answer on {where} ({store})", "set ALLOCATION_GRPC_HOST and _PORT as the service has them")
    if store == "SERVING" and broker != "SERVING":
        yield error(f"it has no broker: the health of allocation.broker is {broker}", "see what is said of the broker below")


def _check_files(process_id: int | None) -> Iterator[Finding]:
    used, limit, whose = 0, resource.getrlimit(resource.RLIMIT_NOFILE)[0], "a service started from here may have"
    if process_id:
        with suppress(psutil.Error, AttributeError):
            process = psutil.Process(process_id)
            used, limit, whose = process.num_fds(), process.rlimit(psutil.RLIMIT_NOFILE)[0], "the service may have"
    said = f"{used} of the {limit} files open that {whose}" if used else f"{limit} files open is what {whose}"
    if limit < _FILES_MIN:
        yield warning(f"{said}, and below {_FILES_MIN} connections are refused early", f"ulimit -n {_FILES_MIN * 64}")
    elif used > limit * _FILES_USED_MAX:
        yield warning(f"{said}: above {_FILES_USED_MAX:.0%}", f"ulimit -n {limit * 4}, then start the service again")
    else:
        yield ok(said)


async def _ask_admin(settings: Settings, running: Running) -> None:
    async with grpc.aio.insecure_channel(f"{LOOPBACK}:{settings.admin_port}") as channel:
        try:
            answer = await AdminServiceStub(channel).Describe(DescribeRequest(), timeout=_ANSWER_SECONDS)
        except grpc.aio.AioRpcError as failed:
            running.admin_error = failed.code().name
        else:
            running.answering_process_id = answer.process_id


async def _ask_health(settings: Settings, running: Running) -> None:
    host = _ANYWHERE.get(settings.grpc_host, settings.grpc_host)
    async with grpc.aio.insecure_channel(f"{host}:{settings.grpc_port}") as channel:
        for name in ("", "allocation.broker"):
            try:
                answer = await health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(service=name), timeout=_ANSWER_SECONDS
                )
            except grpc.aio.AioRpcError as failed:
                running.health[name] = failed.code().name
            else:
                running.health[name] = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
