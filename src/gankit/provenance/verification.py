"""Verifying a file, a folder or an archive against all that protects it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from gankit.contract import Progress, quiet
from gankit.errors import GankitError
from gankit.kit.archives import Archive, UnreadableError, is_archive, open_archive
from gankit.kit.files import LARGEST_RECORD, read_json, sha256
from gankit.kit.own_output import RECORD, RUN, SIDECAR
from gankit.provenance.content_credentials import MEDIA_TYPES
from gankit.provenance.evidence import Evidence, Known
from gankit.provenance.inspection import (
    CHANGED,
    Finding,
    Verdict,
    checked,
    inspect,
    record_layer,
    record_says,
)
from gankit.provenance.layers import CHECKS, Layer

LARGEST_MEMBER = 2**30
"""Bytes of a member of an archive that is looked into: it is held in memory."""
IGNORED = (".DS_Store", "Thumbs.db", "desktop.ini")
"""Files that a file manager leaves in folders."""


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
        if self.record is not None and not self.signed:
            return "unsigned"
        weak: tuple[Verdict, ...] = ("unmarked", "unprotected", "unsigned")
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


def verify(
    path: Path, known: Known, record: Path | None = None, progress: Progress = quiet
) -> Verification:
    """Checks a file, or a whole output, against all that protects it.

    Args:
        record: of the output that a file comes from.

    Raises:
        GankitError: it cannot be read.
    """
    if path.is_dir():
        return _folder(path, known, progress)
    found = Verification(path, 1, findings=[inspect(path, known, record)])
    if is_archive(path.name) and path.stat().st_size:
        _archive(found, open_archive(path, LARGEST_MEMBER), known, progress)
    return found


# --- Folders ------------------------------------------------------------------------------------


def _folder(path: Path, known: Known, progress: Progress) -> Verification:
    names = sorted(_names(path))
    if not names:
        raise GankitError(f"{path} has no files", "Name what gankit or others wrote")
    record = None
    if RECORD in names:
        record = _of_output(read_json(path / RECORD, LARGEST_RECORD), path / RECORD, names)
    found = Verification(path, len(names))
    if record is not None:
        _compare(found, record, names, known, path / RECORD)
    looked_at = [name for name in names if not _of_record(name)]
    for i, name in enumerate(looked_at):
        progress("verifying", i, len(looked_at))
        evidence = Evidence.of(path / name, name)
        layers = [look(evidence, known) for look in CHECKS]
        if record is None:
            layers.append(record_layer(path / name, known, None))
        elif name in record["files"] and sha256(path / name) != record["files"][name]:
            layers.append(_changed())
        found.findings.append(Finding(name, tuple(layers)))
    return found


def _of_output(record: object, place: Path, names: Sequence[str]) -> dict[str, Any] | None:
    """The record of an output; None for a run's own, which is about its training.

    Raises:
        GankitError: it is neither.
    """
    if RUN in names and isinstance(record, dict) and "generated" not in record:
        return None
    return checked(record, place)


def _names(folder: Path) -> Iterator[str]:
    """All files below a folder, without those behind links to folders."""
    for place, _, files in os.walk(folder, followlinks=False):
        for name in files:
            path = Path(place, name)
            if name not in IGNORED and path.is_file():
                yield path.relative_to(folder).as_posix()


def _of_record(name: str) -> bool:
    return name == RECORD or name.endswith(SIDECAR)


def _changed() -> Layer:
    return Layer("record", True, CHANGED, intact=False, generated=True)


def _compare(
    found: Verification, record: Mapping[str, Any], names: list[str], known: Known, place: Path
) -> None:
    """Compares the files that are there with those that the record names.

    Raises:
        GankitError: it names one that lies outside its folder.
    """
    for name in record["files"]:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
            raise GankitError(
                f"{place} names a file outside its folder: {name!r}", "gankit writes no such record"
            )
    found.record = record_says(record, known, RECORD)
    if record.get("complete") is False:
        found.missing = [f"parts of {record.get('ending', 'files')}"]
        return
    there = {name for name in names if not _of_record(name)}
    found.missing = sorted(record["files"].keys() - there)
    found.extra = sorted(there - record["files"].keys())


# --- Archives -----------------------------------------------------------------------------------


def _archive(found: Verification, archive: Archive, known: Known, progress: Progress) -> None:
    """Looks into an archive: at all of its files where it has a record, and otherwise at those
    that may have content credentials."""
    record = _record_inside(archive)
    if record is not None:
        _compare(found, record, archive.names, known, found.path / RECORD)
    names = [
        name
        for name in archive.names
        if (record is not None and not _of_record(name)) or Path(name).suffix.lower() in MEDIA_TYPES
    ]
    found.files = max(len(archive.names), 1)
    for i, name in enumerate(names):
        progress("verifying", i, len(names))
        try:
            content = archive.read(name)
        except UnreadableError as error:
            says = f"cannot be read: {error}"
            found.findings.append(Finding(name, (Layer("archive", True, says, intact=False),)))
            continue
        layers = [look(Evidence.of_bytes(name, content), known) for look in CHECKS]
        named = None if record is None else record["files"].get(name)
        if named is not None and hashlib.sha256(content).hexdigest() != named:
            layers.append(_changed())
        found.findings.append(Finding(name, tuple(layers)))
    beside = found.findings[0].layers[-1]  # covers the archive, and so all that is in it
    if beside.found and beside.intact is not False and not (found.record and found.record.signer):
        found.record = beside


def _record_inside(archive: Archive) -> dict[str, Any] | None:
    """The record in an archive; None where there is none.

    Raises:
        GankitError: it cannot be read, or is none of gankit's.
    """
    if RECORD not in archive.names:
        return None
    try:
        record = json.loads(archive.read_required(RECORD))
    except (ValueError, RecursionError) as error:
        why = f"{archive.path}: its {RECORD} cannot be read: {error}"
        raise GankitError(why, "Get it again") from None
    return _of_output(record, Path(archive.path, RECORD), archive.names)
