"""Keys for tests of signatures, and outputs that are signed with them."""

from __future__ import annotations

import datetime
import io
from pathlib import Path

import numpy as np
import PIL.Image
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gankit.contract import Provenance

STATEMENT = Provenance(
    "gankit 0.1.0",
    "run-1",
    "2026-01-02T03:04:05+00:00",
    "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
)


def picture(form: str = "PNG", **options: object) -> bytes:
    """A picture of noise as a file's content."""
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


def authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A certificate authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    public = key.public_key()
    certificate = (
        x509.CertificateBuilder(name, name, public, x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=99))
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(usage, True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def issued(
    folder: Path,
    by: tuple[ec.EllipticCurvePrivateKey, x509.Certificate],
    *,
    key: object = None,
    days: tuple[float, float] = (-1, 99),
    signs: bool = True,
) -> tuple[Path, Path]:
    """A key and a certificate that an authority issued, as PEM files.

    Args:
        days: from today, at which it begins and ends to be valid.
        signs: whether it may sign content.
    """
    own = key or ec.generate_private_key(ec.SECP256R1())
    public = own.public_key()  # type: ignore[attr-defined]
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test press"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Test press signing"),
        ]
    )
    now = datetime.datetime.now(datetime.UTC)
    start, end = (now + datetime.timedelta(days=n) for n in days)
    usage = x509.KeyUsage(signs, False, not signs, False, False, False, False, False, False)
    certificate = (
        x509.CertificateBuilder(by[1].subject, name, public, x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(usage, True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by[0].public_key()), False
        )
        .sign(by[0], hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)  # type: ignore[attr-defined]
    folder.mkdir(exist_ok=True)
    (folder / "key.pem").write_bytes(private)
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    return folder / "key.pem", folder / "cert.pem"
