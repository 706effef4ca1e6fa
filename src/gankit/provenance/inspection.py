"""Looking at what carries provenance: one file with all its layers, or a whole output.

A finding never says that something is *not* generated: marks can be removed.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

from gankit.errors import GankitError
from gankit.kit.files import read_json, sha256
from gankit.kit.own_output import RECORD, SIDECAR
from gankit.provenance.evidence import Evidence, Known
from gankit.provenance.layers import CHECKS, Layer, signer_in_words
from gankit.provenance.record import check

Verdict: TypeAlias = Literal["intact", "changed", "unprotected", "unmarked"]
"""``intact``: what protects it holds. ``changed``: something does not. ``unprotected``: it says
that it is generated, and nothing protects that. ``unmarked``: no marks were found."""

UP = 3
"""Folders above a file in which its record is looked for."""
LARGEST_MEMBER = 2**28
"""Bytes of a member of an archive that is looked into."""
LARGEST_ARCHIVE = 2**40
"""Bytes that an archive may unpack to."""
IGNORED = (".DS_Store", "Thumbs.db", "desktop.ini")
"""Files that a file manager leaves in folders."""

Progress: TypeAlias = Callable[[str, int, int], None]


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


@dataclass
class Verification:
    """What was found in a file, a folder or an archive."""

    path: Path
    files: int = 0
    """Files that were looked at."""
    record: Layer | None = None
    """The record of the whole; None where there is none."""
    missing: list[str] = field(default_factory=list)
    """Files that the record names, and that are not there."""
    extra: list[str] = field(default_factory=list)
    """Files that the record does not name."""
    findings: list[Finding] = field(default_factory=list)
    """Of each file, in the order of their names."""

    @property
    def problems(self) -> list[str]:
        """All that does not hold, a sentence each."""
        found = []
        if self.record is not None and self.record.intact is False:
            found.append(self.record.says)
        found += [f"{name}: named by the record, and not there" for name in self.missing]
        found += [f"{name}: not named by the record" for name in self.extra]
        for finding in self.findings:
            bad = [layer for layer in finding.layers if layer.found and layer.intact is False]
            found += [f"{finding.name}: {layer.name}: {layer.says}" for layer in bad]
        return found

    @property
    def verdict(self) -> Verdict:
        each = {finding.verdict for finding in self.findings}
        if self.problems:
            return "changed"
        if self.record is not None and self.record.intact:
            return "intact"
        weak: tuple[Verdict, ...] = ("unmarked", "unprotected")
        for verdict in weak:
            if verdict in each:  # the weakest of many
                return verdict
        return "intact" if each else "unmarked"

    @property
    def signed(self) -> bool:
        """Whether a signature covers all of it."""
        if self.record is not None and self.record.intact and self.record.signer:
            return True
        return bool(self.findings) and all(finding.signed for finding in self.findings)

    @property
    def known(self) -> bool:
        """Whether somebody known signed all of it."""
        if self.record is not None and self.record.known:
            return True
        return bool(self.findings) and all(finding.known for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "verdict": self.verdict,
            "signed": self.signed,
            "signer_known": self.known,
            "files": self.files,
            "problems": self.problems,
            "record": self.record.as_dict() if self.record else None,
            "findings": [finding.as_dict() for finding in self.findings],
        }


# --- One file -----------------------------------------------------------------------------------


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
    return Finding(evidence.name, (*layers, _record_layer(path, known, record)))


def _record_layer(path: Path, known: Known, given: Path | None) -> Layer:
    """The record that names a file, and whether it is the file that it names."""
    found = _record_of(path, given)
    if found is None:
        return Layer("record", False)
    place, record, names = found
    digest = sha256(path)
    if any(record["files"].get(name) == digest for name in names):
        return _record_says(record, known, place.name)
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
    if (beside := _read(sidecar)) is not None:
        return sidecar, beside, [path.name]
    for folder in list(path.parents)[:UP]:
        name = path.relative_to(folder).as_posix()
        above = _read(folder / RECORD)
        if above is not None and name in above["files"]:
            return folder / RECORD, above, [name]
    return None


def _read(place: Path) -> dict[str, Any] | None:
    """A record of gankit's; None where there is none."""
    if not place.is_file():
        return None
    record = read_json(place)
    own = record.get("generated") is True and isinstance(record.get("files"), dict)
    return record if own else None


def _record_says(record: Mapping[str, Any], known: Known, name: str) -> Layer:
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


# --- A file, a folder or an archive -------------------------------------------------------------


def verify(
    path: Path,
    known: Known,
    record: Path | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Verification:
    """Checks a file, or a whole output, against all that protects it.

    Args:
        record: of the output that a file comes from.

    Raises:
        GankitError: it cannot be read.
    """
    if path.is_dir():
        return _folder(path, known, progress)
    finding = inspect(path, known, record)
    found = Verification(path, 1, findings=[finding])
    if zipfile.is_zipfile(path):
        _members(found, path, known, progress)
    return found


def _folder(path: Path, known: Known, progress: Progress) -> Verification:
    found, record = Verification(path), _read(path / RECORD)
    names = sorted(_names(path))
    found.files = len(names)
    if record is not None:
        named = _safe_names(record, path / RECORD)
        covered = {name for name in names if not _of_record(name)}
        found.missing = sorted(named.keys() - covered)
        found.extra = sorted(covered - named.keys())
        if record.get("complete") is False:
            found.extra, found.missing = [], [f"parts of {record.get('ending', 'files')}"]
        found.record = _record_says(record, known, RECORD)
    for i, name in enumerate(names):
        progress("verifying", i, len(names))
        if _of_record(name):
            continue
        evidence = Evidence.of(path / name, name)
        layers = [look(evidence, known) for look in CHECKS]
        if record is not None and name in record["files"]:
            if sha256(path / name) != record["files"][name]:
                says = "the file was changed after it was written"
                layers.append(Layer("record", True, says, intact=False, generated=True))
        elif record is None:
            layers.append(_record_layer(path / name, known, None))
        found.findings.append(Finding(name, tuple(layers)))
    if not names:
        raise GankitError(f"{path} has no files", "Name what gankit or others wrote")
    return found


def _names(folder: Path) -> Iterator[str]:
    """All files below a folder, without those behind links to folders."""
    for place, _, files in os.walk(folder, followlinks=False):
        for name in files:
            path = Path(place, name)
            if name not in IGNORED and path.is_file():
                yield path.relative_to(folder).as_posix()


def _of_record(name: str) -> bool:
    return name == RECORD or name.endswith(SIDECAR)


def _safe_names(record: Mapping[str, Any], place: Path) -> dict[str, str]:
    """The files that a record names.

    Raises:
        GankitError: one lies outside its folder.
    """
    for name in record["files"]:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
            raise GankitError(
                f"{place} names a file outside its folder: {name!r}", "gankit writes no such record"
            )
    return {str(name): str(digest) for name, digest in record["files"].items()}


def _members(found: Verification, path: Path, known: Known, progress: Progress) -> None:
    """Looks into a zip archive that has a record inside."""
    try:
        with zipfile.ZipFile(path) as packed:
            members = {m.filename: m for m in packed.infolist() if not m.is_dir()}
            if RECORD not in members or members[RECORD].file_size > LARGEST_MEMBER:
                return
            if (total := sum(m.file_size for m in members.values())) > LARGEST_ARCHIVE:
                raise GankitError(
                    f"{path} unpacks to {total:,} bytes", "Unpack it, and verify that"
                )
            record = _parsed(packed.read(RECORD), path)
            if record is None:
                return
            named = _safe_names(record, path / RECORD)
            found.missing += sorted(named.keys() - members.keys())
            found.extra += sorted(members.keys() - named.keys() - {RECORD})
            found.record = _record_says(record, known, RECORD)
            found.files = len(members)
            for i, (name, member) in enumerate(sorted(members.items())):
                progress("verifying", i, len(members))
                if name == RECORD:
                    continue
                layers = []
                if member.file_size <= LARGEST_MEMBER:
                    evidence = Evidence.of_bytes(name, packed.read(member))
                    layers = [look(evidence, known) for look in CHECKS]
                with packed.open(member) as content:
                    digest = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
                if digest != named.get(name, digest):
                    says = "the file was changed after it was written"
                    layers.append(Layer("record", True, says, intact=False, generated=True))
                found.findings.append(Finding(name, tuple(layers)))
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise GankitError(f"{path} is a damaged archive: {error}", "Get it again") from None


def _parsed(content: bytes, path: Path) -> dict[str, Any] | None:
    import json

    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise GankitError(f"{path}: its {RECORD} cannot be read: {error}", "Get it again") from None
    own = isinstance(record, dict) and record.get("generated") is True
    return record if own and isinstance(record.get("files"), dict) else None
