"""The signature of a provenance record, and so of all files whose SHA-256 it holds.

A record is a JSON object. Its signature is the entry ``signature``, a JSON Web Signature (RFC 7515)
in flattened form with a detached payload: the record's text without that entry, as
:func:`gankit.kit.files.json_bytes` writes it. The header has the certificates (``x5c``).
"""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gankit.kit.files import json_bytes
from gankit.provenance.evidence import SignatureCheck
from gankit.provenance.keys import Signer, algorithm, common_name, is_self_signed

if TYPE_CHECKING:
    from cryptography import x509

SIGNATURE = "signature"
_JWS = {"es256": "ES256", "es384": "ES384", "es512": "ES512", "ed25519": "EdDSA", "ps256": "PS256"}
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_LONGEST_CHAIN = 10


def signed(record: Mapping[str, Any], signer: Signer | None) -> dict[str, Any]:
    """The record with its signature; as it is without a signer."""
    plain = {key: value for key, value in record.items() if key != SIGNATURE}
    if signer is None:
        return plain
    from cryptography.hazmat.primitives.serialization import Encoding

    certificates = [base64.b64encode(c.public_bytes(Encoding.DER)).decode() for c in signer.chain]
    header = {"alg": _JWS[algorithm(signer.key) or ""], "typ": "JOSE+JSON", "x5c": certificates}
    protected = _base64(json.dumps(header, separators=(",", ":")).encode())
    value = _sign(signer.key, _to_sign(protected, plain))
    return {**plain, SIGNATURE: {"protected": protected, "signature": _base64(value)}}


def check(
    record: Mapping[str, Any], known: Iterable[x509.Certificate] = ()
) -> SignatureCheck | None:
    """The signature of a record; None where it has none.

    Args:
        known: certificates of signers and authorities that are trusted.
    """
    entry = record.get(SIGNATURE)
    if entry is None:
        return None
    try:
        protected = str(entry["protected"])
        header, value = json.loads(_bytes(protected)), _bytes(str(entry["signature"]))
        chain = _chain(header["x5c"])
        kind = str(header["alg"])
    except (TypeError, KeyError, ValueError, RecursionError):
        return SignatureCheck(False, "the signature is damaged", "", None, False, False)
    plain = {key: v for key, v in record.items() if key != SIGNATURE}
    holds = _verify(chain[0], kind, value, _to_sign(protected, plain))
    return SignatureCheck(
        intact=holds,
        problem="" if holds else "the record was changed after it was signed",
        signer=common_name(chain[0]),
        serial=chain[0].serial_number,
        known=_is_known(chain, list(known)),
        self_signed=is_self_signed(chain),
    )


def _to_sign(protected: str, plain: Mapping[str, Any]) -> bytes:
    return protected.encode() + b"." + _base64(json_bytes(plain)).encode()


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(error) from None


def _chain(encoded: object) -> list[x509.Certificate]:
    from cryptography import x509

    if not isinstance(encoded, list) or not 1 <= len(encoded) <= _LONGEST_CHAIN:
        raise ValueError("no certificates")
    return [x509.load_der_x509_certificate(base64.b64decode(str(one))) for one in encoded]


def _sign(key: Any, payload: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

    kind = algorithm(key)
    if kind == "ed25519":
        return bytes(key.sign(payload))
    if kind == "ps256":
        salted = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        return bytes(key.sign(payload, salted, hashes.SHA256()))
    numbers = utils.decode_dss_signature(key.sign(payload, ec.ECDSA(_digest(kind or ""))))
    size = (key.curve.key_size + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in numbers)


def _verify(certificate: x509.Certificate, kind: str, value: bytes, payload: bytes) -> bool:
    """Whether the value is the certificate's signature of the payload. The kind has to be that of
    the key, so that no weaker one can be put in its place."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

    try:
        key = certificate.public_key()
        if isinstance(key, ed25519.Ed25519PublicKey) and kind == "EdDSA":
            key.verify(value, payload)
        elif isinstance(key, rsa.RSAPublicKey) and kind == "PS256":
            salted = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
            key.verify(value, payload, salted, hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey) and kind == _CURVES.get(key.curve.name):
            half = len(value) // 2
            numbers = (int.from_bytes(part, "big") for part in (value[:half], value[half:]))
            signature = utils.encode_dss_signature(*numbers)
            key.verify(signature, payload, ec.ECDSA(_digest(kind.lower())))
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _digest(kind: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    return {"es256": hashes.SHA256(), "es384": hashes.SHA384(), "es512": hashes.SHA512()}[kind]


def _is_known(chain: Sequence[x509.Certificate], known: Sequence[x509.Certificate]) -> bool:
    """Whether the signer's certificate is known, or an authority that it goes back to through the
    given ones, all valid today."""
    now = datetime.datetime.now(datetime.UTC)
    for i, one in enumerate(chain):
        if not one.not_valid_before_utc <= now <= one.not_valid_after_utc:
            return False
        if one in known:
            return i == 0 or _is_authority(one)
        if any(_is_authority(ca) and _issued(one, ca) for ca in known):
            return True
        above = chain[i + 1] if i + 1 < len(chain) else None
        if above is None or not _is_authority(above) or not _issued(one, above):
            return False
    return False


def _is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    now = datetime.datetime.now(datetime.UTC)
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return issuer.not_valid_before_utc <= now <= issuer.not_valid_after_utc
