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
from gankit.kit.files import LARGEST_RECORD, read_json, sha256
from gankit.kit.own_output import RECORD, RUN, SIDECAR
from gankit.provenance.evidence import Evidence, Known
from gankit.provenance.layers import CHECKS, Layer, signer_in_words
from gankit.provenance.record import check
from gankit.provenance.watermark import find_watermark

Verdict: TypeAlias = Literal["intact", "changed", "unsigned", "unprotected", "unmarked"]
"""``intact``: what protects it holds. ``changed``: something does not. ``unsigned``: it is as its
record says, which nobody signed, so that both may have been changed. ``unprotected``: it says that
it is generated, and nothing protects that. ``unmarked``: no marks were found."""

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
        if any(layer.name == "record" for layer in found):
            return "unsigned"
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
        return Layer("record", False, _beside(path.absolute().parent))
    place, record, names = found
    digest = sha256(path)
    if any(record["files"].get(name) == digest for name in names):
        return record_says(record, known, place.name)
    says = f"{place.name} names another content: the file was changed after it was written"
    return Layer("record", True, says, intact=False, generated=True)


def _beside(folder: Path) -> str:
    """What is said of a record in a file's folder that does not cover the file."""
    if not (folder / RECORD).is_file() or (folder / RUN).is_file():
        return ""
    own = "generated" in read_json(folder / RECORD, LARGEST_RECORD)
    return f"{RECORD} {'does not name it' if own else 'is no record of gankit'}"


def _record_of(path: Path, given: Path | None) -> tuple[Path, dict[str, Any], list[str]] | None:
    """The record that covers a file, with the names that the file may have in it."""
    if given is not None:
        record = _given(given)
        return given, record, list(record["files"])
    path = Path(os.path.abspath(path))
    sidecar = path.with_name(path.name + SIDECAR)
    if sidecar.is_file():
        return sidecar, checked(read_json(sidecar, LARGEST_RECORD), sidecar), [path.name]
    for folder in list(path.parents)[:UP]:
        name, place = path.relative_to(folder).as_posix(), folder / RECORD
        if not place.is_file():
            continue
        above = read_json(place, LARGEST_RECORD)
        if "generated" in above and name in checked(above, place)["files"]:
            return place, above, [name]
    return None


def _given(place: Path) -> dict[str, Any]:
    """The record that the user named.

    Raises:
        GankitError: it cannot be read, or is none.
    """
    hint = f"--record takes the record's file, such as {RECORD} of the output"
    if place.is_dir():
        raise GankitError(f"--record {place} is a folder", hint)
    if not place.exists():
        raise GankitError(f"--record {place} does not exist", hint)
    try:
        return checked(read_json(place, LARGEST_RECORD), place)
    except GankitError as error:
        raise GankitError(error.message, hint) from None


def checked(record: object, place: Path) -> dict[str, Any]:
    """What was read from a record, if it is one of gankit's.

    Raises:
        GankitError: it is none, or malformed.
    """
    if not isinstance(record, dict):
        why = "it holds no JSON object"
    elif record.get("generated") is not True:
        why = 'it has no "generated": true'
    elif not isinstance(files := record.get("files"), dict):
        why = '"files" is no object of names and SHA-256'
    elif not all(isinstance(digest, str) for digest in files.values()):
        why = '"files" holds what is no SHA-256'
    else:
        return record
    raise GankitError(f"{place} is no provenance record of gankit's: {why}", "Restore it")


def record_says(record: Mapping[str, Any], known: Known, name: str) -> Layer:
    """A record as a layer, whose files are all as it says."""
    signature = check(record, known.certificates)
    said = ", ".join(
        str(record[key]) for key in ("software", "run", "created") if record.get(key) is not None
    )
    if signature is None:
        says = f"{said}; not signed, so that anybody could have written it"
        return Layer("record", True, says, generated=True)
    if not signature.intact:
        says = f"{name}: {signature.problem}"
        return Layer("record", True, says, intact=False, generated=True)
    signer = signer_in_words(signature, known)
    return Layer("record", True, said, True, True, signer, signature.known)
