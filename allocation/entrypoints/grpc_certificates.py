"""The certificate that the gRPC door shows, its key, and whose clients it lets in; read again for every new connection.

So a renewal on disk needs no restart, and one that cannot be used changes nothing: what is in force stays.
"""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import grpc
import structlog

log = structlog.get_logger()
CERTIFICATE, KEY, CLIENT_CA = (f"ALLOCATION_GRPC_{name}_FILE" for name in ("CERTIFICATE", "KEY", "CLIENT_CA"))
_OF_ANOTHER_KEY = {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"}
"""What OpenSSL calls a key of another certificate; the last when the two are not even of one kind."""


class CertificateError(Exception):
    """A certificate or key cannot be used; one line that names the setting and says what to do."""


@dataclass(frozen=True)
class Pem:
    """What the files hold, as gRPC takes it."""

    certificate: bytes
    key: bytes = field(repr=False)
    client_ca: bytes | None

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        """Answer it as a configuration of gRPC."""
        return grpc.ssl_server_certificate_configuration([(self.key, self.certificate)], self.client_ca)


@dataclass(frozen=True)
class CertificateFiles:
    """Where the PEM files lie; without a client CA, clients need no certificate."""

    certificate: str
    key: str
    client_ca: str = ""

    def read(self) -> Pem:
        """Read the files as they are.

        Raises:
            CertificateError: one of them cannot be read.

        """
        client_ca = _read(CLIENT_CA, self.client_ca) if self.client_ca else None
        return Pem(_read(CERTIFICATE, self.certificate), _read(KEY, self.key), client_ca)

    def check(self, pem: Pem) -> None:
        """Find out whether a server can use what was read.

        Raises:
            CertificateError: one of them is no PEM, or the key is not the certificate's.

        """
        _check_certificates(CERTIFICATE, self.certificate, pem.certificate)
        if pem.client_ca is not None:
            _check_certificates(CLIENT_CA, self.client_ca, pem.client_ca)
        self._check_pair()
        # OpenSSL takes the pair by its path alone: what it saw is what we have only if nothing was written meanwhile.
        if self.read() != pem:
            raise CertificateError(
                f"{CERTIFICATE}={self.certificate}: it, its key or the client CA was written while it was read"
            )

    def _check_pair(self) -> None:
        def refuse() -> NoReturn:
            raise CertificateError(
                f"{KEY}={self.key}: it is encrypted; name a key without a passphrase, nobody is here to type it"
            )

        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key, password=refuse)
        except ssl.SSLError as error:
            if error.reason in _OF_ANOTHER_KEY:
                wrong = f"it is not the key of the certificate in {CERTIFICATE}={self.certificate}; name the pair"
            elif error.reason:
                wrong = f"OpenSSL refuses it or {CERTIFICATE}={self.certificate} ({error.reason}); name another pair"
            else:
                wrong = "it holds no whole private key in PEM"
            raise CertificateError(f"{KEY}={self.key}: {wrong}") from None
        except OSError as error:
            raise CertificateError(f"{KEY}={self.key}: it or its certificate vanished while it was read: {error}") from None


class Certificates:
    """The certificates in force. gRPC asks for a renewal in threads of its own, before it shakes hands with a client."""

    def __init__(self, files: CertificateFiles) -> None:
        """Read and check the files.

        Raises:
            CertificateError: they cannot be used.

        """
        self._files = files
        self._in_force = files.read()
        files.check(self._in_force)
        self._refused: Pem | str | None = None
        self._lock = threading.Lock()

    def credentials(self) -> grpc.ServerCredentials:
        """Answer what a gRPC server listens with."""
        return grpc.dynamic_ssl_server_credentials(
            self._in_force.configuration(),
            self.renewed,  # type: ignore[arg-type] # may answer None, which the stubs do not know
            require_client_authentication=bool(self._files.client_ca),
        )

    def renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """Answer what the files hold if that is new and can be used; a change that cannot be is warned of once."""
        with self._lock:
            found: Pem | None = None
            try:
                found = self._files.read()
                if found == self._in_force:
                    self._refused = None
                    return None
                self._files.check(found)
            except CertificateError as error:
                refused = str(error) if found is None else found
                if refused != self._refused:
                    log.warning("a renewed certificate cannot be used; the one in force stays", error=str(error))
                self._refused = refused
                return None
            self._in_force, self._refused = found, None
            log.info("a renewed certificate is in force for new connections", file=self._files.certificate)
            return found.configuration()


def _read(setting: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise CertificateError(f"{setting}={path}: {why}; name a PEM file that this user can read") from None


def _check_certificates(setting: str, path: str, pem: bytes) -> None:
    try:
        # Comments in any encoding may stand around a certificate, itself ASCII.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=pem.decode("ascii", "ignore"))
    except (ssl.SSLError, ValueError):
        raise CertificateError(f"{setting}={path}: it holds no certificate in PEM, or one that is cut off") from None
