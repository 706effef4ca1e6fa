"""The layers of a file's provenance: each is looked for on its own, and says whether it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from gankit.provenance.content_credentials import (
    MEDIA_TYPES,
    available,
    read_manifest,
)
from gankit.provenance.evidence import Evidence, Known, SignatureCheck
from gankit.provenance.metadata import read_marks


@dataclass(frozen=True)
class Layer:
    """One layer of a file, as it was found."""

    name: str
    found: bool
    says: str = ""
    """In words, for people."""
    intact: bool | None = None
    """Whether it holds; None for a statement that nothing protects."""
    generated: bool = False
    """Whether it says that the content is generated."""
    signer: str = ""
    """Whom the certificate names; empty where nothing is signed."""
    known: bool = False
    """Whether the signer is known."""

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


Check: TypeAlias = Callable[[Evidence, Known], Layer]


def metadata(evidence: Evidence, known: Known) -> Layer:
    """Marks in the file's own metadata."""
    marks = read_marks(evidence)
    said = marks.in_words()
    return Layer("metadata", bool(said), said, generated=marks.generated)


def content_credentials(evidence: Evidence, known: Known) -> Layer:
    """A C2PA manifest inside the file."""
    name = "content credentials"
    media_type = MEDIA_TYPES.get(evidence.ending)
    if media_type is None:
        return Layer(name, False, f"{evidence.ending or 'such'} files are not looked into for them")
    if not available():
        return Layer(name, False, "not looked for: c2pa-python cannot be loaded on this machine")
    with evidence.open() as source:
        found = read_manifest(source, media_type, known.certificates)
    if found is None:
        return Layer(name, False)
    kind = found.source_type.rpartition("/")[2]
    said = ", ".join(filter(None, (f"{kind} created" if kind else "", found.software, found.when)))
    return Layer(
        name,
        True,
        "; ".join(filter(None, (said, found.problem))),
        intact=found.intact,
        generated="lgorithmic" in kind or "ynthetic" in kind,
        signer=signer_in_words(found, known),
        known=found.known and found.intact,
    )


CHECKS: list[Check] = [metadata, content_credentials]
"""Of a single file, in the order in which they are shown."""


def signer_in_words(signed: SignatureCheck, known: Known) -> str:
    """Who signed, and whether that is somebody known; empty where that cannot be read."""
    if not signed.signer:
        return ""
    by_itself = ", self-signed" if signed.self_signed else ""
    if not signed.known:
        return f"{signed.signer}{by_itself}: unknown"
    called = known.called(signed.serial)
    return f"{signed.signer}{by_itself}: {called or 'known by its authority'}"
