"""The gRPC door with TLS: whom it answers, whom it refuses, and what becomes of a renewal while it listens."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs
from structlog.testing import capture_logs

from allocation.entrypoints.grpc_certificates import CertificateError, CertificateFiles, Certificates
from allocation.entrypoints.grpc_listener import SERVICE_NAME, GrpcListener
from allocation.entrypoints.grpc_server import AllocationService
from tests.certificates import Authority, Pair, PairFiles, on_an_uncommon_curve
from tests.e2e.refusals import read_refusal
from tests.integration.doors.parts import Parts, running_parts
from tests.ports import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

AUTHORITY, STRANGER = Authority(), Authority()
CALL_SECONDS = 10.0


class TlsDoor:
    """A door that listens with the pair of its files."""

    def __init__(self, parts: Parts, files: PairFiles, client_ca: Path | None) -> None:
        self.parts, self.files = parts, files
        places = CertificateFiles(str(files.certificate), str(files.key), str(client_ca or ""))
        service = AllocationService(parts.group_commit, parts.store, lambda: "new-id")
        self.listener = GrpcListener(service, "127.0.0.1", free_port(), Certificates(places).credentials())

    def channel(self, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
        """Open a connection of its own, in plain text without credentials."""
        own = [("grpc.use_local_subchannel_pool", 1)]
        if credentials is None:
            return grpc.aio.insecure_channel(self.listener.address, own)
        return grpc.aio.secure_channel(self.listener.address, credentials, own)

    async def create(self, reference: str, credentials: grpc.ChannelCredentials | None) -> grpc.StatusCode:
        """Create a batch over a new connection, and answer how that ended."""
        async with self.channel(credentials) as channel:
            return await create_by(channel, reference)

    async def shown(self) -> bytes:
        """Answer the certificate that a new connection is shown."""
        host, _, port = self.listener.address.rpartition(":")
        return (await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)))).encode()


async def create_by(channel: grpc.aio.Channel, reference: str) -> grpc.StatusCode:
    stub: stubs.AllocationServiceAsyncStub = stubs.AllocationServiceStub(channel)
    request = messages.CreateBatchRequest(batch_reference=reference, sku="SMALL-TABLE", purchased_quantity=10)
    try:
        await stub.CreateBatch(request, timeout=CALL_SECONDS)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@asynccontextmanager
async def tls_door(folder: Path, client_ca: Path | None = None) -> AsyncIterator[TlsDoor]:
    files = PairFiles(folder)
    files.write(AUTHORITY.sign())
    async with running_parts() as parts:
        door = TlsDoor(parts, files, client_ca)
        await door.listener.start()
        yield door
        await door.listener.stop(5.0)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[TlsDoor]:
    """A door that any client may use that trusts its authority."""
    async with tls_door(tmp_path) as listening:
        yield listening


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[TlsDoor]:
    """A door for clients whose certificate its authority signed."""
    client_ca = tmp_path / "clients.pem"
    client_ca.write_bytes(AUTHORITY.certificate)
    async with tls_door(tmp_path, client_ca) as listening:
        yield listening


async def test_a_client_that_trusts_the_authority_is_answered(door: TlsDoor) -> None:
    assert await door.create("batch", AUTHORITY.client()) is grpc.StatusCode.OK
    assert set(door.parts.store.batches_by_reference) == {"batch"}


@pytest.mark.parametrize("credentials", [STRANGER.client(), None], ids=["trusts another authority", "plain text"])
async def test_any_other_client_is_not(door: TlsDoor, credentials: grpc.ChannelCredentials | None) -> None:
    assert await door.create("batch", credentials) is grpc.StatusCode.UNAVAILABLE
    assert door.parts.store.batches_by_reference == {}
    assert await door.create("batch", AUTHORITY.client()) is grpc.StatusCode.OK


async def test_a_client_that_shows_a_signed_certificate_is_let_in(guarded: TlsDoor) -> None:
    assert await guarded.create("batch", AUTHORITY.client(AUTHORITY.sign())) is grpc.StatusCode.OK


@pytest.mark.parametrize("pair", [None, STRANGER.sign()], ids=["none", "signed by another"])
async def test_a_client_without_a_signed_certificate_is_refused(guarded: TlsDoor, pair: Pair | None) -> None:
    assert await guarded.create("batch", AUTHORITY.client(pair)) is grpc.StatusCode.UNAVAILABLE
    assert guarded.parts.store.batches_by_reference == {}


async def test_a_renewal_is_shown_to_new_connections_and_disturbs_no_old_one(door: TlsDoor) -> None:
    async with door.channel(AUTHORITY.client()) as old:
        assert await create_by(old, "before") is grpc.StatusCode.OK
        door.files.write(STRANGER.sign())
        assert await door.create("renewed", STRANGER.client()) is grpc.StatusCode.OK
        assert await door.create("not trusted any more", AUTHORITY.client()) is grpc.StatusCode.UNAVAILABLE
        assert await create_by(old, "after") is grpc.StatusCode.OK
    assert set(door.parts.store.batches_by_reference) == {"before", "renewed", "after"}


async def test_a_renewed_client_authority_decides_who_is_let_in(guarded: TlsDoor, tmp_path: Path) -> None:
    (tmp_path / "clients.pem").write_bytes(STRANGER.certificate)
    assert await guarded.create("former", AUTHORITY.client(AUTHORITY.sign())) is grpc.StatusCode.UNAVAILABLE
    assert await guarded.create("present", AUTHORITY.client(STRANGER.sign())) is grpc.StatusCode.OK


async def test_a_broken_renewal_keeps_the_old_pair_until_it_is_repaired(door: TlsDoor) -> None:
    shown, renewal = await door.shown(), AUTHORITY.sign()
    with capture_logs() as logged:
        for broken in (Pair(renewal.certificate[:300], renewal.key), Pair(renewal.certificate, AUTHORITY.sign().key)):
            door.files.write(broken)
            assert [await door.shown(), await door.shown()] == [shown, shown]
        assert [line["log_level"] for line in logged] == ["warning", "warning"]
    door.files.write(renewal)
    assert await door.shown() == renewal.certificate
    assert await door.create("batch", AUTHORITY.client()) is grpc.StatusCode.OK


async def test_files_that_vanish_keep_the_old_pair(door: TlsDoor) -> None:
    shown = await door.shown()
    door.files.certificate.unlink()
    door.files.key.unlink()
    assert await door.shown() == shown


async def test_many_clients_at_once_meet_a_renewal(door: TlsDoor) -> None:
    door.files.write(AUTHORITY.sign())
    codes = await asyncio.gather(*(door.create(f"batch-{number}", AUTHORITY.client()) for number in range(30)))
    assert set(codes) == {grpc.StatusCode.OK}
    assert len(door.parts.store.batches_by_reference) == len(codes)


async def test_health_reflection_and_errors_are_as_without_tls(door: TlsDoor) -> None:
    door.listener.tell_health(store=True, broker=False)
    async with door.channel(AUTHORITY.client()) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        for name, status in (("", "SERVING"), (SERVICE_NAME, "SERVING"), ("allocation.broker", "NOT_SERVING")):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name), timeout=CALL_SECONDS)
            assert answer.status == health_pb2.HealthCheckResponse.ServingStatus.Value(status)
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        listed = await reflection.ServerReflectionInfo(iter([asked]), timeout=CALL_SECONDS).read()
        assert SERVICE_NAME in {service.name for service in listed.list_services_response.service}
        stub: Any = stubs.AllocationServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetBatch(messages.GetBatchRequest(batch_reference="unknown"), timeout=CALL_SECONDS)
    refusal = read_refusal(refused.value)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "REJECTION_REASON_UNKNOWN_BATCH")


async def test_a_call_under_way_is_answered_before_the_door_closes(door: TlsDoor) -> None:
    door.parts.store.open.clear()
    async with door.channel(AUTHORITY.client()) as channel:
        blocking = asyncio.ensure_future(create_by(channel, "blocking"))
        await eventually(lambda: door.parts.store.begun > 0)
        stopping = asyncio.ensure_future(door.listener.stop(10.0))
        assert await create_by(channel, "late") is grpc.StatusCode.UNAVAILABLE
        assert not stopping.done()
        door.parts.store.open.set()
        assert await blocking is grpc.StatusCode.OK
        await stopping


async def test_a_kind_of_key_that_grpc_does_not_take_is_not_mistaken_for_an_address_in_use(tmp_path: Path) -> None:
    files = PairFiles(tmp_path)
    files.write(on_an_uncommon_curve())
    async with running_parts() as parts:
        with pytest.raises(CertificateError, match=r"name one with an RSA key or an ECDSA key on P-256 or P-384$"):
            await TlsDoor(parts, files, None).listener.start()
