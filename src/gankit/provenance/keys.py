"""The key that signs generated output, with its certificate.

Each user has one. It is made when the first output is written, unless the environment names a pair
that somebody else issued. Its certificate is signed by itself, so that it shows that two files are
by the same signer, and not who that is.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gankit.errors import GankitError
from gankit.system_errors import reason

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    Certificates: TypeAlias = tuple[x509.Certificate, ...]

SIGN = "GANKIT_SIGN"
"""Environment variable: ``off`` signs nothing, ``record`` the provenance record only."""
KEY, CERTIFICATE = "GANKIT_SIGNING_KEY", "GANKIT_SIGNING_CERT"
"""Environment variables: PEM files that are used in place of the user's own pair."""
YEARS = 10
"""For which a certificate of our own is valid."""
NAME = "gankit user"
"""In a certificate for which no name was given: nothing about the user or the machine."""


@dataclass(frozen=True)
class Signer:
    """A private key with its certificates, the signer's own first."""

    private: bytes
    """PEM, PKCS 8."""
    certificates: bytes
    """PEM."""
    path: Path
    """Of the private key."""
    made: bool = False
    """Whether it was made just now."""
    records_only: bool = False
    """Whether files are left without a manifest."""

    @functools.cached_property
    def key(self) -> PrivateKeyTypes:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        return load_pem_private_key(self.private, None)

    @functools.cached_property
    def chain(self) -> Certificates:
        from cryptography import x509

        return tuple(x509.load_pem_x509_certificates(self.certificates))


def folder() -> Path:
    """The user's folder of keys and of other signers' certificates."""
    if home := os.environ.get("GANKIT_HOME"):
        return Path(home).expanduser() / "signing"
    from typer import get_app_dir

    return Path(get_app_dir("gankit")) / "signing"


def own_paths() -> tuple[Path, Path]:
    """Where the user's own key and its certificate are."""
    return folder() / "key.pem", folder() / "certificate.pem"


def signer() -> Signer | None:
    """The signer of output that is written now; None where signing is switched off.

    Raises:
        GankitError: the key or certificate that the environment names cannot be used; the user's
            own pair is damaged or expired.
        NoPlaceForKeyError: there is none, and none can be stored.
    """
    how = os.environ.get(SIGN, "").strip().lower()
    if how not in ("", "on", "record", "off"):
        raise GankitError(f"{SIGN}={how}: unknown", "Use off, record or on, or unset it")
    if how == "off":
        return None
    named, cert = os.environ.get(KEY), os.environ.get(CERTIFICATE)
    if bool(named) != bool(cert):
        there, lacking = (KEY, CERTIFICATE) if named else (CERTIFICATE, KEY)
        raise GankitError(f"{there} is set without {lacking}", "Set both, or neither")
    only = how == "record"
    if named and cert:
        return load(Path(named).expanduser(), Path(cert).expanduser(), records_only=only)
    key = own_paths()[0]
    made = not key.exists() and make_own()
    return load(key, own_certificate(), made=made, records_only=only)


def own_certificate() -> Path:
    """The file with the certificate of the user's own key: the key's, which cannot be another
    pair's; or the one beside it, where somebody put a pair of their own."""
    key, certificate = own_paths()
    with contextlib.suppress(OSError):
        if b"BEGIN CERTIFICATE" in key.read_bytes():
            return key
    return certificate


class NoPlaceForKeyError(GankitError):
    """The user has no key, and none can be stored."""


def make_own(name: str = NAME) -> bool:
    """Makes the user's own pair, unless another process did so meanwhile: whether it was made.

    Raises:
        NoPlaceForKeyError: it cannot be stored.
    """
    key, certificate = own_paths()
    if key.parts[0] == "~":  # as in a container whose user is unknown
        raise NoPlaceForKeyError(
            "no signing key can be stored: this user has no home folder",
            f"Set GANKIT_HOME to a folder that can be written, or {SIGN}=off",
        )
    private, public = generate(name)
    try:
        key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # One file that appears whole holds both: who links it first has made the pair.
        aside = key.with_name(f".{key.name}.{os.urandom(8).hex()}")
        try:
            aside.touch(0o600, exist_ok=False)
            aside.write_bytes(private + public)
            try:
                os.link(aside, key)
            except FileExistsError:
                return False
            except OSError:  # a file system without links
                os.replace(aside, key)
        finally:
            aside.unlink(missing_ok=True)
        certificate.write_bytes(public)
    except OSError as error:
        raise NoPlaceForKeyError(
            f"no signing key can be stored in {key.parent}: {reason(error)}",
            f"Set GANKIT_HOME to a folder that can be written, or {SIGN}=off",
        ) from None
    return True


def replace_own(name: str) -> Path | None:
    """Makes a new pair in place of the user's own. The former key is kept, renamed, and its
    certificate among those of known signers.

    Returns:
        The former key's new place; None where there was none.
    """
    key, certificate = own_paths()
    former = None
    if key.exists():
        stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S")
        try:
            trusted = folder() / "trusted"
            trusted.mkdir(exist_ok=True)
            if certificate.exists():
                os.replace(certificate, trusted / f"own-until-{stamp}.pem")
            former = key.with_name(f"key-until-{stamp}.pem")
            os.replace(key, former)
        except OSError as error:
            raise GankitError(
                f"{key} cannot be replaced: {reason(error)}", "Check the folder's permissions"
            ) from None
    make_own(name)
    return former


def generate(name: str) -> tuple[bytes, bytes]:
    """A new P-256 key and a certificate that it signs itself, as PEM; as C2PA asks for (C2PA 2.2,
    section 14.5): for signatures, not of an authority, with key identifiers.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    certificate = (
        x509.CertificateBuilder(subject, subject, public, x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=round(365.25 * YEARS)))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    return private, certificate.public_bytes(pem)


# --- Loading ------------------------------------------------------------------------------------


def load(key: Path, certificate: Path, made: bool = False, records_only: bool = False) -> Signer:
    """A pair from PEM files.

    Raises:
        GankitError: one cannot be read, they do not belong together, the certificate has expired
            or is not for signing, or the key is of a kind that C2PA does not know.
    """
    from cryptography.hazmat.primitives import serialization

    text = _read(key)
    try:
        found = serialization.load_pem_private_key(text, None)
    except TypeError:
        raise GankitError(
            f"{key} is encrypted", "Decrypt it: openssl pkey -in KEY -out PLAIN"
        ) from None
    except (ValueError, NotImplementedError):  # UnsupportedAlgorithm is the latter
        raise GankitError(f"{key} is no private key in PEM", "Name a PEM file") from None
    chain = read_certificates(certificate)
    _check(found, chain, key, certificate)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = found.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    public = b"".join(one.public_bytes(pem) for one in chain)
    return Signer(private, public, key, made, records_only)


def read_certificates(path: Path, hint: str = "") -> Certificates:
    """The certificates in a PEM file.

    Args:
        hint: what to do where that fails, if they are not for signing.

    Raises:
        GankitError: it cannot be read, or there are none.
    """
    from cryptography import x509

    text = _read(path, hint)
    with contextlib.suppress(ValueError):
        if found := x509.load_pem_x509_certificates(text):
            return tuple(found)
    raise GankitError(f"{path} holds no certificate in PEM", hint or "Name a PEM file")


def _read(path: Path, hint: str = "") -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise GankitError(
            f"{path} cannot be read: {reason(error)}",
            hint or f"Check {KEY} and {CERTIFICATE}, or make a key: gankit provenance init-key",
        ) from None


def _check(key: PrivateKeyTypes, chain: Certificates, path: Path, certificate: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if algorithm(key) is None:
        raise GankitError(
            f"{path} is of a kind that C2PA does not sign with",
            "Use an elliptic curve P-256, P-384 or P-521, Ed25519, or RSA of 2048 bits or more",
        )
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*form) != chain[0].public_key().public_bytes(*form):
        raise GankitError(
            f"{path} and {certificate} do not belong together: the first certificate is for "
            "another key",
            "Put the signer's own certificate first",
        )
    now = datetime.datetime.now(datetime.UTC)
    for one in chain:
        if now > one.not_valid_after_utc:
            raise GankitError(
                f"{certificate} expired on {one.not_valid_after_utc:%Y-%m-%d}",
                "Renew it; your own: gankit provenance init-key --force",
            )
        if now < one.not_valid_before_utc:
            raise GankitError(
                f"{certificate} is valid from {one.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on",
                "Check this machine's clock",
            )
    try:
        usage = chain[0].extensions.get_extension_for_class(x509.KeyUsage).value
        chain[0].extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        usage = None
    if usage is None or not usage.digital_signature or usage.key_cert_sign:
        raise GankitError(
            f"{certificate} is no certificate for signing content",
            "C2PA asks for keyUsage digitalSignature and an extendedKeyUsage, e.g. emailProtection",
        )


def algorithm(key: object) -> str | None:
    """The name of a key's signature algorithm in C2PA; None for one that it does not know."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}.get(
            key.curve.name
        )
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    return "ps256" if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048 else None


# --- Names --------------------------------------------------------------------------------------


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate, in hexadecimal."""
    from cryptography.hazmat.primitives import hashes

    return certificate.fingerprint(hashes.SHA256()).hex()


def common_name(certificate: x509.Certificate) -> str:
    """Whom a certificate names."""
    from cryptography.x509.oid import NameOID

    named = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(named[0].value) if named else certificate.subject.rfc4514_string()


def is_self_signed(chain: Sequence[x509.Certificate]) -> bool:
    return chain[0].subject == chain[0].issuer
