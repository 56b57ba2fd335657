"""How the tools that write reach the state: through the service that runs on it, or under its lock while none does."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc
from stock.allocation.admin.v1.admin_service_pb2 import DescribeRequest
from stock.allocation.admin.v1.admin_service_pb2_grpc import AdminServiceStub

from allocation.adapters.data_folder import DataFolder, DataFolderInUseError
from allocation.adapters.startup_error import StartupError
from allocation.bootstrap import admin_alone
from allocation.connections import existing_database
from allocation.entrypoints.admin_listener import LOOPBACK
from allocation.operators.database import is_in_memory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from stock.allocation.admin.v1.admin_service_pb2_grpc import AdminServiceAsyncStub

    from allocation.settings import Settings

_ANSWER_SECONDS = 5.0


class NotServedError(StartupError):
    """A service uses the state, and it is not the one that answers on the admin port."""


@asynccontextmanager
async def mending(settings: Settings, *, needs_broker: bool = False) -> AsyncIterator[AdminServiceAsyncStub]:
    """Open the operators' door of the service that runs, or of one that is made for this moment if none does.

    `needs_broker` matters to the latter alone.

    Raises:
        StartupError: there is no state here, or the service that uses it does not answer.
        BrokerUnavailableError: the broker is needed and does not answer.

    """
    if is_in_memory(settings):
        async with _stub(f"{LOOPBACK}:{settings.admin_port}") as stub:
            await _process_id(stub, settings)
            yield stub
        return
    path = existing_database(settings)
    holder = _holder(path.parent)
    if holder is None:
        async with admin_alone(settings, needs_broker=needs_broker) as address, _stub(address) as stub:
            yield stub
        return
    async with _stub(f"{LOOPBACK}:{settings.admin_port}") as stub:
        answering = await _process_id(stub, settings)
        if answering != holder:
            raise NotServedError(
                f"the service that uses {path.parent} is process {holder}, and process {answering} answers on port "
                f"{settings.admin_port}; set ALLOCATION_ADMIN_PORT as that service has it"
            )
        yield stub


def _holder(folder: Path) -> int | None:
    """Answer the process that uses the folder; None if the folder is free."""
    try:
        with DataFolder(folder):
            return None
    except DataFolderInUseError as error:
        return error.process_id


@asynccontextmanager
async def _stub(address: str) -> AsyncIterator[AdminServiceAsyncStub]:
    async with grpc.aio.insecure_channel(address) as channel:
        yield AdminServiceStub(channel)


async def _process_id(stub: AdminServiceAsyncStub, settings: Settings) -> int:
    try:
        return (await stub.Describe(DescribeRequest(), timeout=_ANSWER_SECONDS)).process_id
    except grpc.aio.AioRpcError as error:
        raise NotServedError(
            f"a service uses this state, and nothing answers on {LOOPBACK}:{settings.admin_port} ({error.code().name}); "
            "set ALLOCATION_ADMIN_PORT as that service has it, or stop it"
        ) from error
