"""Whether the certificate that gRPC shows can be used, and until when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from allocation.bootstrap import read_certificates
from allocation.entrypoints.grpc_certificates import CertificateError
from allocation.operators.doctor.finding import duration, error, note, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from allocation.operators.doctor.finding import Finding
    from allocation.operators.doctor.patient import Patient

_DAY_SECONDS = 86_400
_RENEWED_SECONDS = 30 * _DAY_SECONDS


def check_certificates(patient: Patient) -> Iterator[Finding]:
    """Say whether certificate and key belong together, and when the first of each file expires."""
    settings = patient.settings
    if not settings.grpc_certificate_file:
        yield note("gRPC is plain text: it has no certificate")
        return
    try:
        read_certificates(settings)
    except CertificateError as refused:
        yield error(str(refused), "put a pair there that can be used; a service that runs reads it for new connections")
        return
    for name in ("grpc_certificate_file", "grpc_client_ca_file"):
        if path := getattr(settings, name):
            yield from _check_dates(patient, f"ALLOCATION_{name.upper()}={path}", Path(path))


def _check_dates(patient: Patient, what: str, path: Path) -> Iterator[Finding]:
    try:
        certificates = x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError as unreadable:
        yield error(f"{what}: its dates cannot be read: {unreadable}", "name another file")
        return
    first = min(certificates, key=lambda certificate: certificate.not_valid_after_utc)
    begins = max(certificate.not_valid_before_utc for certificate in certificates)
    left = -patient.age(first.not_valid_after_utc)
    renew = "renew the file in place: new connections see it without a restart"
    if left <= 0:
        yield error(f"{what} expired {duration(-left)} ago", renew)
    elif patient.age(begins) < 0:
        yield error(f"{what} is valid only from {begins.isoformat()} on", f"look at the clock, or {renew}")
    elif left < _RENEWED_SECONDS:
        yield warning(f"{what} expires in {duration(left)} (renew {duration(_RENEWED_SECONDS)} before)", renew)
    else:
        yield ok(f"{what} is valid for another {duration(left)}")
