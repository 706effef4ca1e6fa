"""Finding the data: a file, a folder of files, or an object in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rdkit import RDConfig

from gankit.errors import GankitError, did_you_mean
from gankit_molecule.data.columns import Listing
from gankit_molecule.data.in_memory import from_memory
from gankit_molecule.data.tables import PLAIN, READS, SUFFIXES, from_files, kind_of
from gankit_molecule.settings import MoleculeSettings

NCI = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
LICENCE = "public domain: compounds of the US National Cancer Institute, as they come with RDKit"
RECORD = "provenance.json"
"""The record in a folder that gankit wrote."""


@dataclass(frozen=True)
class Location:
    """Files, or an object in memory.

    Attributes:
        where: for messages.
        name: for the description.
        generated: whether gankit wrote it.
    """

    where: str
    name: str
    files: Sequence[Path] = ()
    thing: object = None
    generated: bool = False
    licence: str = ""

    def listing(self, settings: MoleculeSettings) -> Listing:
        """Its entries."""
        if self.files:
            return from_files(self.files, settings)
        return from_memory(self.thing, settings)


def locate(source: object | None) -> Location:
    """The location of a source; None is RDKit's NCI file.

    Raises:
        GankitError: there is no such path, or nothing that can be read.
    """
    if source is None:
        if not NCI.is_file():
            raise GankitError("RDKit came without its NCI molecules", "Name your own data")
        return Location("the built-in data", "RDKit's NCI file", [NCI], licence=LICENCE)
    if not isinstance(source, (str, Path)):
        return Location("the data", f"a {type(source).__name__} in memory", thing=source)
    path = Path(source).expanduser()
    if not path.exists():
        raise _missing(path)
    if path.is_dir():
        generated = (path / RECORD).is_file()
        return Location(str(path), path.name, _files_in(path), generated=generated)
    if kind_of(path) not in SUFFIXES:
        kind = kind_of(path) or "such"
        raise GankitError(f"{path}: no molecules can be read from {kind} files", READS)
    generated = (path.parent / RECORD).is_file()
    return Location(str(path), path.name, [path], generated=generated)


def _files_in(root: Path) -> list[Path]:
    """The files of molecules below a folder; .txt files only where there are no others."""
    there = [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(root).parts)
    ]
    if not there:
        raise GankitError(f"{root}: the folder is empty", READS)
    files = [path for path in there if kind_of(path) in SUFFIXES]
    if not files:
        raise GankitError(f"{root} has no file of molecules ({len(there):,} other files)", READS)
    return [path for path in files if kind_of(path) != PLAIN[-1]] or files


def _missing(path: Path) -> GankitError:
    if not path.parent.is_dir():
        return GankitError(f"{path}: no such path, and no folder {path.parent}", "Check the path")
    there = [
        p
        for p in path.parent.iterdir()
        if kind_of(p) in SUFFIXES or (p.is_dir() and not p.name.startswith("."))
    ]
    near = did_you_mean(path.name, [p.name for p in there]) if there else READS
    return GankitError(f"{path}: no such file or folder", near)
