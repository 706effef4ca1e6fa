"""Content credentials (C2PA manifests) inside files: signed, and bound to the rest of the file.

They need no network: no time stamp is fetched, and nothing that a manifest refers to.
"""

from __future__ import annotations

import functools
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gankit.contract import Provenance
from gankit.errors import GankitError
from gankit.provenance.evidence import SignatureCheck
from gankit.provenance.keys import Signer, algorithm

if TYPE_CHECKING:
    from cryptography import x509

MEDIA_TYPES = {
    ".png": "image/png",
    ".apng": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".avif": "image/avif",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
}
"""Files that get a manifest, by their ending. Formats in zip archives are left out, since a member
that readers do not expect may stop them."""


def available() -> bool:
    """Whether manifests can be written and read: whether the library can be loaded here."""
    try:
        import c2pa  # noqa: F401
    except (ImportError, OSError):  # no build of it for this machine
        return False
    return True


# --- Writing ------------------------------------------------------------------------------------


class ManifestWriter:
    """Writes manifests into files.

    Args:
        signer: who signs.
        statement: what is stated.
    """

    def __init__(self, signer: Signer, statement: Provenance) -> None:
        import c2pa

        self._signer = c2pa.Signer.from_info(
            c2pa.C2paSignerInfo(algorithm(signer.key), signer.certificates, signer.private, None)
        )
        settings = {
            "builder": {"thumbnail": {"enabled": False}},
            "verify": {"verify_after_sign": False, "remote_manifest_fetch": False},
        }
        self._context = c2pa.Context.from_dict(settings)
        name, _, version = statement.software.partition(" ")
        agent = {"name": name, "version": version}
        action = {
            "action": "c2pa.created",
            "when": statement.created,
            "digitalSourceType": statement.source_type,
            "softwareAgent": agent,
            "description": statement.text()["Source"],
        }
        made = {"label": "c2pa.actions.v2", "data": {"actions": [action]}}
        self._manifest = json.dumps({"claim_generator_info": [agent], "assertions": [made]})

    def signed(self, content: bytes, media_type: str) -> bytes:
        """A file's content with a manifest.

        Raises:
            GankitError: it is none of the media type, or damaged.
        """
        out = io.BytesIO()
        self._sign(io.BytesIO(content), out, media_type)
        return out.getvalue()

    def sign(self, file: Path) -> None:
        """Writes a manifest into a file, which is replaced at once."""
        aside = file.with_name(f".{file.name}.signed")
        try:
            with file.open("rb") as source, aside.open("w+b") as target:
                self._sign(source, target, MEDIA_TYPES[file.suffix.lower()])
            os.replace(aside, file)
        except GankitError as error:
            raise GankitError(f"{file.name} {error.message}", error.hint) from None
        finally:
            aside.unlink(missing_ok=True)

    def sign_members(self, archive: Path, wanted: Callable[[str], bool]) -> None:
        """Writes manifests into members of a zip archive, which is replaced at once."""
        aside = archive.with_name(f".{archive.name}.signed")
        try:
            with zipfile.ZipFile(archive) as source, zipfile.ZipFile(aside, "w") as target:
                for member in source.infolist():
                    content = source.read(member)
                    ending = Path(member.filename).suffix.lower()
                    if ending in MEDIA_TYPES and wanted(member.filename):
                        content = self.signed(content, MEDIA_TYPES[ending])
                    target.writestr(member, content)
            os.replace(aside, archive)
        finally:
            aside.unlink(missing_ok=True)

    def _sign(self, source: IO[bytes], target: IO[bytes], media_type: str) -> None:
        import c2pa

        try:
            with c2pa.Builder(self._manifest, context=self._context) as builder:
                builder.sign(self._signer, media_type, source, target)
        except c2pa.C2paError as error:
            raise GankitError(
                f"cannot be signed as {media_type}: {error}",
                "Is it a file of another type? Without manifests: GANKIT_SIGN=record",
            ) from None


# --- Reading ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Manifest(SignatureCheck):
    """What the active manifest of a file states, and whether it holds."""

    source_type: str
    """The IPTC digital source type of what was created; empty where none is stated."""
    software: str
    when: str


def read_manifest(
    source: IO[bytes], media_type: str, known: Iterable[x509.Certificate] = ()
) -> Manifest | None:
    """The active manifest of a file; None where there is none, or the file is none of its type.

    Args:
        source: may be a large file; it is read in pieces.
        known: certificates of signers and authorities that are trusted.
    """
    import c2pa

    try:
        context = _reading(frozenset(known), os.getpid())
        reader = c2pa.Reader.try_create(media_type, source, context=context)
        if reader is None:
            return None
        with reader:
            state, found = reader.get_validation_state(), json.loads(reader.json())
            about = json.loads(reader.crjson())
    except c2pa.C2paError as error:
        return _unreadable(error, source)
    active = found["manifests"][found["active_manifest"]]
    results = found.get("validation_results", {}).get("activeManifest", {})
    codes = {f["code"] for f in results.get("failure", ())}
    failures = [f for f in results.get("failure", ()) if f["code"] not in (_UNTRUSTED, _EXPIRED)]
    problems = [_PROBLEMS.get(f["code"], _text(f)) for f in failures]
    if _EXPIRED in codes:
        problems.append("its certificate has expired, and nothing shows when it was signed")
    info, action = active.get("signature_info") or {}, _created(active)
    serial = info.get("cert_serial_number")
    return Manifest(
        intact=not failures and (state in ("Valid", "Trusted") or _EXPIRED in codes),
        problem="; ".join(problems),
        signer=str(info.get("common_name") or info.get("issuer") or ""),
        serial=int(serial) if serial else None,
        known=state == "Trusted",
        self_signed=_is_self_signed(about, found["active_manifest"]),
        source_type=str(action.get("digitalSourceType", "")),
        software=_software(action, active),
        when=str(action.get("when", "")),
    )


_UNTRUSTED, _EXPIRED = "signingCredential.untrusted", "signingCredential.expired"
_PROBLEMS = {
    "assertion.dataHash.mismatch": "the content was changed after it was signed",
    "assertion.bmffHash.mismatch": "the content was changed after it was signed",
    "assertion.hashedURI.mismatch": "the manifest was changed after it was signed",
    "claimSignature.mismatch": "the signature is not that of the manifest",
    "claimSignature.outsideValidity": "the certificate was not valid when it was signed",
}


def _text(failure: dict[str, Any]) -> str:
    return str(failure.get("explanation") or failure["code"])


def _unreadable(error: Exception, source: IO[bytes]) -> Manifest | None:
    """A manifest that cannot be read, where the file seems to hold one."""
    source.seek(0)
    if not any(mark in source.read(2**20) for mark in (b"jumdc2pa", b"jumb\x00\x00\x00")):
        return None
    why = str(error).partition(": ")[2] or str(error)
    return Manifest(
        False, f"the manifest cannot be read: {why}", "", None, False, False, "", "", ""
    )


def _is_self_signed(about: dict[str, Any], label: str) -> bool:
    for manifest in about.get("manifests", ()):
        if manifest.get("label") == label:
            certificate = (manifest.get("signature") or {}).get("certificateInfo") or {}
            return bool(certificate) and certificate.get("issuer") == certificate.get("subject")
    return False


def _created(manifest: dict[str, Any]) -> dict[str, Any]:
    for assertion in manifest.get("assertions", ()):
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            actions = (assertion.get("data") or {}).get("actions") or ()
            for action in actions:
                if isinstance(action, dict) and action.get("digitalSourceType"):
                    return action
    return {}


def _software(action: dict[str, Any], manifest: dict[str, Any]) -> str:
    agent = action.get("softwareAgent")
    if not isinstance(agent, dict):
        agent = next(iter(manifest.get("claim_generator_info") or ()), {})
    return f"{agent.get('name', '')} {agent.get('version', '')}".strip()


@functools.lru_cache(maxsize=4)
def _reading(known: frozenset[x509.Certificate], process: int) -> Any:
    """How manifests are read: without a network.

    Args:
        process: this one; what the library made before a fork cannot be used after it.
    """
    import c2pa
    from cryptography.hazmat.primitives.serialization import Encoding

    anchors = b"".join(one.public_bytes(Encoding.PEM) for one in known).decode()
    verify = {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False}
    trust = {"trust": {"user_anchors": anchors}} if anchors else {}
    return c2pa.Context.from_dict({"verify": verify, **trust})
