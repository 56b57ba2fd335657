"""Certificates made for a test: an authority, and files in which a server's pair lies, is renewed and is spoilt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
import trustme
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import CertificateBuilder, Name, load_pem_x509_certificate

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """Who signs certificates."""

    def __init__(self) -> None:
        self._ca = trustme.CA()
        self.certificate = self._ca.cert_pem.bytes()

    def sign(self, *, key_type: trustme.KeyType = trustme.KeyType.ECDSA) -> Pair:
        """Sign a new certificate for this machine and its clients."""
        signed = self._ca.issue_cert("127.0.0.1", "localhost", key_type=key_type)
        return Pair(b"".join(pem.bytes() for pem in signed.cert_chain_pems), signed.private_key_pem.bytes())

    def client(self, pair: Pair | None = None) -> grpc.ChannelCredentials:
        """Answer the credentials of a client that trusts this authority and shows the pair, if any."""
        if pair is None:
            return grpc.ssl_channel_credentials(self.certificate)
        return grpc.ssl_channel_credentials(self.certificate, pair.key, pair.certificate)


@dataclass(frozen=True)
class PairFiles:
    """Where a server's pair lies."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """The certificate's file."""
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        """The key's file."""
        return self.folder / "server-key.pem"

    def write(self, pair: Pair) -> None:
        """Put the pair there."""
        self.certificate.write_bytes(pair.certificate)
        self.key.write_bytes(pair.key)


def on_an_uncommon_curve() -> Pair:
    """Answer a certificate that OpenSSL takes and gRPC does not."""
    like, key = load_pem_x509_certificate(Authority().certificate), ec.generate_private_key(ec.SECP256K1())
    signed = CertificateBuilder(
        issuer_name=Name([]),
        subject_name=Name([]),
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=like.not_valid_before_utc,
        not_valid_after=like.not_valid_after_utc,
    ).sign(key, hashes.SHA256())
    return Pair(signed.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
