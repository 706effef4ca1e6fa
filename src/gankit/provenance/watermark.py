"""The key of invisible watermarks, and looking for them in a file.

The key is derived from the user's signing key, so that there is one secret to keep. A modality
makes and finds the mark: see :class:`gankit.contract.Watermarks`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gankit.contract import Watermarks
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.provenance.evidence import Evidence
from gankit.provenance.keys import KEY, make_own, own_paths
from gankit.provenance.layers import Layer
from gankit.system_errors import reason

GIVEN = "GANKIT_WATERMARK_KEY"
"""Environment variable: a secret text in place of one derived from the signing key, so that several
people can find each other's marks."""
SHORTEST = 16
"""Characters of such a text."""
LARGEST = 2**28
"""Bytes of a file that is looked into."""


@dataclass(frozen=True)
class WatermarkKey:
    """A secret."""

    secret: bytes
    whose: str = "your key"

    @property
    def id(self) -> str:
        """Tells keys apart, and does not give them away."""
        return hashlib.sha256(b"gankit watermark id\0" + self.secret).hexdigest()[:12]


def watermark_key() -> WatermarkKey:
    """The key by which outputs are marked now; the user's signing key is made where there is none.

    Raises:
        GankitError: there is none, and none can be stored; or it cannot be used.
    """
    if given := _given():
        return given
    named = os.environ.get(KEY)
    own, _ = own_paths()
    if not named and not own.exists():
        make_own()
    return _derived(Path(named).expanduser() if named else own)


def known_keys() -> Iterator[WatermarkKey]:
    """The keys whose marks can be found: the current one, and those before it.

    Raises:
        GankitError: one cannot be used.
    """
    if given := _given():
        yield given
    named, (own, _) = os.environ.get(KEY), own_paths()
    if named:
        yield _derived(Path(named).expanduser())
    if own.exists():
        yield _derived(own)
    for former in sorted(own.parent.glob("key-until-*.pem"), reverse=True):
        yield _derived(former, "your former key")


def find_watermark(evidence: Evidence) -> Layer | None:
    """The layer of a file, by all known keys; None for files that carry no watermark of ours.

    Raises:
        GankitError: a key cannot be used.
    """
    modalities = list(_modalities(evidence.ending))
    if not modalities or evidence.size > LARGEST:
        return None
    keys = list(known_keys())
    if not keys:
        return Layer("watermark", False, "not looked for: you have no key")
    with evidence.open() as file:
        content = file.read()
    best, about = None, ""
    for modality in modalities:
        for key in keys:
            found = modality.find_watermark(content, key.secret)
            if found is None:
                break
            if best is None or found.score > best[0].score:
                best = found, key
                about = f"; {found.measured}" if found.measured else ""
    if best is None:
        return None
    search, key = best
    if search.score < search.threshold:
        score = f"the score is {search.score:.1f}, below {search.threshold:g}"
        return Layer("watermark", False, f"none of {_those(keys)}: {score}{about}")
    score = f"the score is {search.score:.1f}, {search.threshold:g} or more"
    says = f"{key.whose} {key.id}: {score}{about}"
    return Layer("watermark", True, says, generated=True)


def _those(keys: list[WatermarkKey]) -> str:
    return "your key" if len(keys) == 1 else f"your {len(keys)} keys"


def _modalities(ending: str) -> Iterator[Watermarks]:
    plugins = installed()
    for name, info in plugins.infos().items():
        if ending in info.suffixes:
            modality = plugins.modality(name).modality
            if isinstance(modality, Watermarks):
                yield modality


def _given() -> WatermarkKey | None:
    text = os.environ.get(GIVEN)
    if text is None:
        return None
    if len(text) < SHORTEST:
        raise GankitError(
            f"{GIVEN} has {len(text)} characters, fewer than {SHORTEST}",
            "Use a long random text, or unset it",
        )
    return WatermarkKey(hashlib.sha256(b"gankit watermark text\0" + text.encode()).digest(), GIVEN)


def _derived(path: Path, whose: str = "your key") -> WatermarkKey:
    """From a private key in PEM."""
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise GankitError(
            f"{path} cannot be read: {reason(error)}", f"Check {KEY} and the file's permissions"
        ) from None
    except (ValueError, TypeError, NotImplementedError):
        raise GankitError(f"{path} is no private key in PEM", "Restore it, or rename it") from None
    pem, form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(pem, form, serialization.NoEncryption())
    return WatermarkKey(hmac.digest(private, b"gankit watermark", "sha256"), whose)
