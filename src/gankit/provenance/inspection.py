"""Looking at one file: all its layers, and the record that covers it.

A finding never says that something is *not* generated: marks can be removed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from gankit.errors import GankitError
from gankit.kit.files import read_json, sha256
from gankit.kit.own_output import RECORD, SIDECAR
from gankit.provenance.evidence import Evidence, Known
from gankit.provenance.layers import CHECKS, Layer, signer_in_words
from gankit.provenance.record import check
from gankit.provenance.watermark import find_watermark

Verdict: TypeAlias = Literal["intact", "changed", "unprotected", "unmarked"]
"""``intact``: what protects it holds. ``changed``: something does not. ``unprotected``: it says
that it is generated, and nothing protects that. ``unmarked``: no marks were found."""

UP = 3
"""Folders above a file in which its record is looked for."""
CHANGED = "the file was changed after it was written"


@dataclass(frozen=True)
class Finding:
    """What was found in one file, or in the record of an output."""

    name: str
    layers: tuple[Layer, ...]

    @property
    def verdict(self) -> Verdict:
        found = [layer for layer in self.layers if layer.found]
        checked = [layer.intact for layer in found if layer.intact is not None]
        if not all(checked):
            return "changed"
        if checked:
            return "intact"
        return "unprotected" if any(layer.generated for layer in found) else "unmarked"

    @property
    def signed(self) -> bool:
        return any(layer.signer and layer.intact for layer in self.layers)

    @property
    def known(self) -> bool:
        """Whether somebody known signed it."""
        return any(layer.known for layer in self.layers)

    def as_dict(self) -> dict[str, Any]:
        return {
            "file": self.name,
            "verdict": self.verdict,
            "signed": self.signed,
            "signer_known": self.known,
            "layers": [layer.as_dict() for layer in self.layers],
        }


def inspect(path: Path, known: Known, record: Path | None = None) -> Finding:
    """All layers of one file, with that of the record that covers it.

    Args:
        record: of the output that the file comes from; looked for beside it and above it by
            default.

    Raises:
        GankitError: it cannot be read, or is no file.
    """
    evidence = Evidence.of(path)
    layers = [look(evidence, known) for look in CHECKS]
    if (mark := find_watermark(evidence)) is not None:  # not in `verify`: it takes a while
        layers.append(mark)
    return Finding(evidence.name, (*layers, record_layer(path, known, record)))


def record_layer(path: Path, known: Known, given: Path | None) -> Layer:
    """The record that names a file, and whether it is the file that it names."""
    found = _record_of(path, given)
    if found is None:
        return Layer("record", False)
    place, record, names = found
    digest = sha256(path)
    if any(record["files"].get(name) == digest for name in names):
        return record_says(record, known, place.name)
    says = f"{place.name} names another content: the file was changed after it was written"
    return Layer("record", True, says, intact=False, generated=True)


def _record_of(path: Path, given: Path | None) -> tuple[Path, dict[str, Any], list[str]] | None:
    """The record that covers a file, with the names that the file may have in it."""
    if given is not None:
        record = read_json(given)
        files = record.get("files")
        if not isinstance(files, dict):
            raise GankitError(f"{given} is no provenance record", "Name a provenance.json")
        return given, record, list(files)
    path = Path(os.path.abspath(path))
    sidecar = path.with_name(path.name + SIDECAR)
    if (beside := read_record(sidecar)) is not None:
        return sidecar, beside, [path.name]
    for folder in list(path.parents)[:UP]:
        name = path.relative_to(folder).as_posix()
        above = read_record(folder / RECORD)
        if above is not None and name in above["files"]:
            return folder / RECORD, above, [name]
    return None


def read_record(place: Path) -> dict[str, Any] | None:
    """A record of gankit's; None where there is none."""
    if not place.is_file():
        return None
    record = read_json(place)
    own = record.get("generated") is True and isinstance(record.get("files"), dict)
    return record if own else None


def record_says(record: Mapping[str, Any], known: Known, name: str) -> Layer:
    """A record as a layer, whose files are all as it says."""
    signature = check(record, known.certificates)
    said = ", ".join(
        str(record[key]) for key in ("software", "run", "created") if record.get(key) is not None
    )
    if signature is None:
        says = f"{said}; not signed, so that anybody could have written it"
        return Layer("record", True, says, intact=True, generated=True)
    if not signature.intact:
        says = f"{name}: {signature.problem}"
        return Layer("record", True, says, intact=False, generated=True)
    signer = signer_in_words(signature, known)
    return Layer("record", True, said, True, True, signer, signature.known)
