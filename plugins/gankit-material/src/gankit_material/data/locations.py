"""Finding the data: a file, a folder of files, or an object in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gankit.errors import GankitError, did_you_mean
from gankit.kit.files import package_file
from gankit.kit.folders import visible
from gankit.kit.own_output import RECORD, RUN, SIDECAR, doubt, is_generated_file, is_record
from gankit_material.data.tables import LINES, READS, TABLES, kind_of

BUILT_IN = "transport.csv.gz"
LICENCE = (
    "CC0: formulas and Seebeck coefficients of the electronic transport database of Ricci et al. "
    "2017 (doi 10.5061/dryad.gn001)"
)


@dataclass(frozen=True)
class Location:
    """Files, or an object in memory."""

    where: str
    """For messages."""
    name: str
    """For the description."""
    files: Sequence[Path] = ()
    thing: object = None
    cifs: Path | None = None
    """A CIF, or a folder or archive of them."""
    generated: bool = False
    """Whether gankit wrote it."""
    licence: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()


def locate(source: object | None) -> Location:
    """The location of a source; None is the built-in data.

    Raises:
        GankitError: there is no such path, or nothing that can be read.
    """
    if source is None:
        path = package_file("gankit_material", "data", BUILT_IN)
        return Location("the built-in data", "built-in formulas", [path], licence=LICENCE)
    if not isinstance(source, (str, Path)):
        return Location("the data", f"a {type(source).__name__} in memory", thing=source)
    path = Path(source).expanduser()
    if not path.exists():
        there = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = did_you_mean(path.name, there) if there else READS
        raise GankitError(f"{path}: no such file or folder", near)
    if path.is_dir():
        return _folder(path)
    kind = kind_of(path)
    generated = (path.parent / RECORD).is_file() or is_generated_file(path)
    if kind in (".cif", ".zip"):
        return Location(str(path), path.name, cifs=path, generated=generated)
    if kind not in (*LINES, *TABLES):
        raise GankitError(f"{path}: no materials can be read from {kind or 'such'} files", READS)
    return Location(str(path), path.name, [path], generated=generated)


def _folder(root: Path) -> Location:
    """Tables below a folder or, where there are CIFs, these: tables then hold their properties."""
    generated = (root / RECORD).is_file()
    there = [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and not is_record(path.name)
        and all(visible(part) for part in path.relative_to(root).parts)
    ]
    ours = {p.parent for name in (RUN, RECORD) for p in root.rglob(name)} - {root}
    theirs = [
        path
        for path in there
        if ours.isdisjoint(path.parents) and not path.with_name(path.name + SIDECAR).is_file()
    ]
    facts = {}
    if len(theirs) < len(there):
        facts["left out"] = f"{len(there) - len(theirs):,} files of runs or written by gankit"
    warnings = [doubt(root)] if generated else []
    if any(kind_of(path) == ".cif" for path in theirs):
        return Location(str(root), root.name, cifs=root, generated=generated, warnings=warnings)
    files = [p for p in theirs if kind_of(p) in TABLES] or [
        p for p in theirs if kind_of(p) in LINES
    ]
    if not files:
        kinds = f" ({len(there):,} other files)" if there else ""
        raise GankitError(f"{root}: no file of formulas or CIF there{kinds}", READS)
    return Location(
        *(str(root), root.name, files), generated=generated, facts=facts, warnings=warnings
    )
