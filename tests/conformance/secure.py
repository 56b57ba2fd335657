"""An instance of the service behind TLS, with a certificate of an authority that all instances of a run share."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Self

import grpc
import trustme
from stock.allocation.v1 import allocation_service_pb2 as messages
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs

from tests.service_process import ServiceProcess

if TYPE_CHECKING:
    from pathlib import Path

CALL_SECONDS = 10.0


@cache
def authority() -> trustme.CA:
    """Make the authority once."""
    return trustme.CA()


def server_credentials() -> grpc.ServerCredentials:
    """Make the credentials of a server on localhost, signed by the authority."""
    certificate = authority().issue_cert("localhost")
    pair = (certificate.private_key_pem.bytes(), certificate.cert_chain_pems[0].bytes())
    return grpc.ssl_server_credentials([pair])


class SecureService(ServiceProcess):
    """`allocation dev` with TLS on localhost; `ca.pem` is put where its clients look for it."""

    def __init__(self, folder: Path, clients: Path) -> None:
        folder.mkdir()
        certificate = authority().issue_cert("localhost")
        certificate.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        authority().cert_pem.write_to_path(clients / "ca.pem")
        settings = {"grpc_certificate_file": folder / "certificate.pem", "grpc_key_file": folder / "key.pem"}
        super().__init__(folder, settings=settings)

    @property
    def name(self) -> str:
        """Where its clients call it: by the name in its certificate."""
        return f"localhost:{self.grpc_port}"

    def channel(self) -> grpc.Channel:
        """Open a channel that trusts the authority."""
        return grpc.secure_channel(self.name, grpc.ssl_channel_credentials(authority().cert_pem.bytes()))

    def batches_of(self, sku: str) -> int:
        """Count the batches of a sku, on one page."""
        request = messages.ListBatchesRequest(sku=sku, page_size=100)
        with self.channel() as channel:
            return len(stubs.AllocationServiceStub(channel).ListBatches(request, timeout=CALL_SECONDS).batches)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.push(self.__exit__)  # one that does not come to serve is ended, and so is its broker
            self.start()
            stack.pop_all()
        return self
