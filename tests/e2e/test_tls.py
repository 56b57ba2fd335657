"""`allocation dev` and `serve` with TLS: as printed, renewed while it runs, and refused when a file cannot be used."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.certificates import Authority, Pair, PairFiles
from tests.e2e.command import complaint_of, run_allocation
from tests.service_process import ServiceProcess
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AUTHORITY = Authority()
CLIENT = AUTHORITY.sign()
PRINTED_ABOVE = "Try this in another terminal:\n"


class TlsServiceProcess(ServiceProcess):
    """The service with a pair of its own; its test trusts the authority, and shows a certificate that it signed."""

    def __init__(self, folder: Path) -> None:
        self.files = PairFiles(folder)
        self.files.write(AUTHORITY.sign())
        (folder / "clients.pem").write_bytes(AUTHORITY.certificate)
        self.client_ca = folder / "clients.pem"
        settings = {"grpc_certificate_file": self.files.certificate, "grpc_key_file": self.files.key}
        super().__init__(folder, settings=settings)

    def serves(self) -> bool:
        """Whether its health is SERVING, asked over TLS."""
        return bool(self.health(AUTHORITY.client(CLIENT)) == health_pb2.HealthCheckResponse.SERVING)

    def health(self, credentials: grpc.ChannelCredentials) -> int | grpc.StatusCode:
        """Answer its health over a new connection, or why it was not told."""
        own = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.secure_channel(self.grpc_address, credentials, own) as channel:
            try:
                return int(health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5).status)
            except grpc.RpcError as error:
                return error.code()

    def printed_command(self) -> str:
        """Answer what it printed to be tried in another terminal."""
        said = self.log.read_text()
        said = said[said.index(PRINTED_ABOVE) + len(PRINTED_ABOVE) :]
        return said[: said.index("/CreateBatch") + len("/CreateBatch")]


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[TlsServiceProcess]:
    """A service with TLS, not running yet, in a folder that a shell would take for three words."""
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    with TlsServiceProcess(folder) as process:
        yield process


def try_printed(service: TlsServiceProcess, folder: Path) -> subprocess.CompletedProcess[str]:
    command = service.printed_command()
    return subprocess.run(  # noqa: S602 - the command line that the service itself printed
        command, shell=True, cwd=folder, capture_output=True, text=True, check=False, timeout=30
    )


def test_the_printed_command_line_works_with_tls(secured: TlsServiceProcess, tmp_path: Path) -> None:
    secured.start()
    created = try_printed(secured, tmp_path)
    assert created.returncode == 0, created.stderr
    assert json.loads(created.stdout)["batch"]["batchReference"] == "batch-001"
    assert f"{secured.grpc_address} with TLS  (reflection" in secured.log.read_text()


def test_the_printed_command_line_works_for_a_client_with_a_certificate(secured: TlsServiceProcess, tmp_path: Path) -> None:
    secured.settings["grpc_client_ca_file"] = secured.client_ca
    secured.start()
    (tmp_path / "client.pem").write_bytes(AUTHORITY.sign().certificate)
    (tmp_path / "client-key.pem").write_bytes(AUTHORITY.sign().key)
    assert try_printed(secured, tmp_path).returncode != 0
    (tmp_path / "client.pem").write_bytes(CLIENT.certificate)
    (tmp_path / "client-key.pem").write_bytes(CLIENT.key)
    created = try_printed(secured, tmp_path)
    assert created.returncode == 0, created.stderr
    assert secured.health(AUTHORITY.client()) is grpc.StatusCode.UNAVAILABLE
    assert f"{secured.grpc_address} with TLS, for clients that show a certificate  (reflection" in secured.log.read_text()


def test_plain_text_is_refused(secured: TlsServiceProcess) -> None:
    secured.start()
    assert not ServiceProcess.serves(secured)


def warnings_of(service: ServiceProcess) -> list[dict[str, Any]]:
    lines = (line for line in service.log.read_text().splitlines() if line.startswith("{"))
    return [line for line in map(json.loads, lines) if line["level"] == "warning" and "certificate" in line["event"]]


def test_a_renewal_is_taken_up_without_a_restart_and_a_broken_one_is_not(secured: TlsServiceProcess) -> None:
    successor, serving = Authority(), health_pb2.HealthCheckResponse.SERVING
    secured.start()
    pid = secured.pid
    secured.files.write(successor.sign())
    assert secured.health(successor.client()) == serving
    assert secured.health(AUTHORITY.client()) is grpc.StatusCode.UNAVAILABLE

    secured.files.write(Pair(AUTHORITY.sign().certificate, AUTHORITY.sign().key))
    assert [secured.health(successor.client()) for _ in range(3)] == [serving] * 3
    (warning,) = wait_until(lambda: warnings_of(secured))
    assert f"ALLOCATION_GRPC_KEY_FILE={secured.files.key}: it is not the key of the certificate" in warning["error"]

    secured.files.write(AUTHORITY.sign())
    assert secured.health(AUTHORITY.client()) == serving
    assert secured.pid == pid
    assert secured.interrupt() == 0
    assert "Traceback" not in secured.log.read_text()


@pytest.mark.parametrize(
    ("command", "spoil", "complaint"),
    [
        (
            "dev",
            lambda files: files.certificate.unlink(),
            "ALLOCATION_GRPC_CERTIFICATE_FILE={certificate}: no such file or directory; ",
        ),
        ("dev", lambda files: files.certificate.write_text("?"), "ALLOCATION_GRPC_CERTIFICATE_FILE={certificate}: it holds no"),
        ("dev", lambda files: files.key.unlink(), "ALLOCATION_GRPC_KEY_FILE={key}: no such file or directory; "),
        ("dev", lambda files: files.key.write_text("?"), "ALLOCATION_GRPC_KEY_FILE={key}: it holds no whole"),
        ("serve", lambda files: files.key.write_bytes(CLIENT.key), "ALLOCATION_GRPC_KEY_FILE={key}: it is not the key of"),
    ],
    ids=["no certificate", "no PEM for a certificate", "no key", "no PEM for a key", "another key"],
)
def test_a_pair_that_cannot_be_used_ends_the_start_before_anything_is_opened(
    secured: TlsServiceProcess, command: str, spoil: Callable[[PairFiles], object], complaint: str
) -> None:
    spoil(secured.files)
    ended = run_allocation(command, environment=secured.environment())
    expected = complaint.format(certificate=secured.files.certificate, key=secured.files.key)
    assert complaint_of(ended).startswith(expected)
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert not secured.data_folder.exists()


def test_a_client_authority_that_cannot_be_used_ends_the_start_with_one_line(secured: TlsServiceProcess) -> None:
    secured.settings["grpc_client_ca_file"] = secured.client_ca
    secured.client_ca.write_bytes(AUTHORITY.certificate[:100])
    complaint = complaint_of(run_allocation("dev", environment=secured.environment()))
    assert complaint == (
        f"ALLOCATION_GRPC_CLIENT_CA_FILE={secured.client_ca}: it holds no certificate in PEM, or one that is cut off"
    )
    assert not secured.data_folder.exists()


@pytest.mark.parametrize(("left_out", "given"), [("key", "certificate"), ("certificate", "key")])
def test_half_a_pair_of_settings_ends_the_start_with_one_line(secured: TlsServiceProcess, left_out: str, given: str) -> None:
    del secured.settings[f"grpc_{left_out}_file"]
    complaint = complaint_of(run_allocation("dev", environment=secured.environment()))
    assert complaint == (
        f"ALLOCATION_GRPC_{given.upper()}_FILE is set and ALLOCATION_GRPC_{left_out.upper()}_FILE is not: "
        "set both, or neither for gRPC without TLS"
    )
