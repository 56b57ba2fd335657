"""The certificates of the gRPC door: which cannot be used and what is said of it, and how a renewal is taken up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import grpc
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from structlog.testing import capture_logs

from allocation.entrypoints.grpc_certificates import CertificateError, CertificateFiles, Certificates
from tests.certificates import Authority, Pair, PairFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AUTHORITY = Authority()


@pytest.fixture
def files(tmp_path: Path) -> PairFiles:
    """A pair that can be used."""
    lying = PairFiles(tmp_path)
    lying.write(AUTHORITY.sign())
    return lying


def open_certificates(files: PairFiles, client_ca: Path | str = "") -> Certificates:
    return Certificates(CertificateFiles(str(files.certificate), str(files.key), str(client_ca)))


def complaint_about(files: PairFiles, client_ca: Path | str = "") -> str:
    with pytest.raises(CertificateError) as refused:
        open_certificates(files, client_ca)
    said = str(refused.value)
    assert "\n" not in said
    return said


def encrypted(key: bytes) -> bytes:
    loaded = load_pem_private_key(key, None)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame"))


@pytest.mark.parametrize("key_type", list(trustme.KeyType))
def test_a_pair_can_be_used(tmp_path: Path, key_type: trustme.KeyType) -> None:
    files = PairFiles(tmp_path)
    files.write(AUTHORITY.sign(key_type=key_type))
    assert isinstance(open_certificates(files).credentials(), grpc.ServerCredentials)


def test_comments_around_a_certificate_do_no_harm(files: PairFiles) -> None:
    files.certificate.write_bytes("# der Schlüssel liegt im Büro\n".encode() + files.certificate.read_bytes())
    open_certificates(files)


def test_a_file_that_is_missing_is_named(files: PairFiles, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.pem"
    why = "no such file or directory; name a PEM file that this user can read"
    assert complaint_about(files, missing) == f"ALLOCATION_GRPC_CLIENT_CA_FILE={missing}: {why}"
    files.key.unlink()
    assert complaint_about(files) == f"ALLOCATION_GRPC_KEY_FILE={files.key}: {why}"
    files.certificate.unlink()
    assert complaint_about(files) == f"ALLOCATION_GRPC_CERTIFICATE_FILE={files.certificate}: {why}"


def test_a_folder_is_no_certificate(files: PairFiles) -> None:
    files.certificate.unlink()
    files.certificate.mkdir()
    assert complaint_about(files).startswith(f"ALLOCATION_GRPC_CERTIFICATE_FILE={files.certificate}: is a directory; ")


def test_a_certificate_that_is_no_pem_is_named(files: PairFiles, tmp_path: Path) -> None:
    why = "it holds no certificate in PEM, or one that is cut off"
    whole = files.certificate.read_bytes()
    client_ca = tmp_path / "clients.pem"
    for spoilt in (b"", b"a diary\n", os.urandom(1_000), whole[:300], whole + whole[:300], files.key.read_bytes()):
        client_ca.write_bytes(spoilt)
        assert complaint_about(files, client_ca) == f"ALLOCATION_GRPC_CLIENT_CA_FILE={client_ca}: {why}"
        files.certificate.write_bytes(spoilt)
        assert complaint_about(files) == f"ALLOCATION_GRPC_CERTIFICATE_FILE={files.certificate}: {why}"
        files.certificate.write_bytes(whole)


@pytest.mark.parametrize("spoil", [lambda _: b"", lambda _: b"a diary\n", lambda key: key[:100]])
def test_a_key_that_is_no_pem_is_named(files: PairFiles, spoil: Callable[[bytes], bytes]) -> None:
    files.key.write_bytes(spoil(files.key.read_bytes()))
    assert complaint_about(files) == f"ALLOCATION_GRPC_KEY_FILE={files.key}: it holds no whole private key in PEM"


@pytest.mark.parametrize("key_type", list(trustme.KeyType))
def test_a_key_of_another_certificate_is_named(files: PairFiles, key_type: trustme.KeyType) -> None:
    files.key.write_bytes(AUTHORITY.sign(key_type=key_type).key)
    assert complaint_about(files) == (
        f"ALLOCATION_GRPC_KEY_FILE={files.key}: it is not the key of the certificate in "
        f"ALLOCATION_GRPC_CERTIFICATE_FILE={files.certificate}; name the pair"
    )


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_passphrase(files: PairFiles) -> None:
    files.key.write_bytes(encrypted(files.key.read_bytes()))
    assert complaint_about(files) == (
        f"ALLOCATION_GRPC_KEY_FILE={files.key}: it is encrypted; name a key without a passphrase, nobody is here to type it"
    )


def test_what_was_read_before_it_was_written_again_is_not_used(files: PairFiles) -> None:
    places = CertificateFiles(str(files.certificate), str(files.key))
    read = places.read()
    files.write(AUTHORITY.sign())
    with pytest.raises(CertificateError, match=r"was written while it was read$"):
        places.check(read)


def test_files_that_are_as_they_were_are_no_renewal(files: PairFiles) -> None:
    certificates = open_certificates(files)
    with capture_logs() as logged:
        assert [certificates.renewed(), certificates.renewed()] == [None, None]
    assert logged == []


def test_a_renewal_is_answered_once(files: PairFiles) -> None:
    certificates = open_certificates(files)
    files.write(AUTHORITY.sign())
    with capture_logs() as logged:
        assert isinstance(certificates.renewed(), grpc.ServerCertificateConfiguration)
        assert certificates.renewed() is None
    assert [line["log_level"] for line in logged] == ["info"]


def test_a_renewed_client_ca_is_a_renewal(files: PairFiles, tmp_path: Path) -> None:
    client_ca = tmp_path / "clients.pem"
    client_ca.write_bytes(Authority().certificate)
    certificates = open_certificates(files, client_ca)
    client_ca.write_bytes(Authority().certificate)
    assert isinstance(certificates.renewed(), grpc.ServerCertificateConfiguration)


def half_written(pair: Pair) -> Pair:
    return Pair(pair.certificate[:300], pair.key)


def mismatched(pair: Pair) -> Pair:
    return Pair(pair.certificate, AUTHORITY.sign().key)


@pytest.mark.parametrize("broken", [half_written, mismatched])
def test_each_broken_renewal_is_warned_of_once_and_its_repair_taken_up(
    files: PairFiles, broken: Callable[[Pair], Pair]
) -> None:
    certificates = open_certificates(files)
    renewal = AUTHORITY.sign()
    with capture_logs() as logged:
        for change in (broken(renewal), broken(AUTHORITY.sign())):
            files.write(change)
            assert [certificates.renewed(), certificates.renewed()] == [None, None]
        assert [line["log_level"] for line in logged] == ["warning", "warning"]
        files.write(renewal)
        assert isinstance(certificates.renewed(), grpc.ServerCertificateConfiguration)


def test_files_that_vanish_are_warned_of_each_time_they_do(files: PairFiles) -> None:
    certificates = open_certificates(files)
    key = files.key.read_bytes()
    with capture_logs() as logged:
        for _ in range(2):
            files.key.unlink()
            assert [certificates.renewed(), certificates.renewed()] == [None, None]
            files.key.write_bytes(key)
            assert certificates.renewed() is None
    assert [line["log_level"] for line in logged] == ["warning", "warning"]
    assert f"ALLOCATION_GRPC_KEY_FILE={files.key}: no such file or directory" in logged[0]["error"]


def test_a_key_is_never_shown(files: PairFiles) -> None:
    read = CertificateFiles(str(files.certificate), str(files.key)).read()
    assert "PRIVATE KEY" not in repr(read)
