"""Finding the data: a file, a folder of files, or an object in memory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rdkit import RDConfig

from gankit.errors import GankitError, did_you_mean
from gankit_molecule.data.columns import Listing
from gankit_molecule.data.in_memory import from_memory
from gankit_molecule.data.tables import READS, SUFFIXES, from_files, kind_of
from gankit_molecule.settings import MoleculeSettings

NCI = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
LICENCE = "public domain: compounds of the US National Cancer Institute, as they come with RDKit"
RECORD, SIDECAR = "provenance.json", ".provenance.json"
"""The record in a folder that gankit wrote; what its name begins with beside a single file."""
RUN = "run.toml"
"""What every run directory has."""
_SPLIT = re.compile(
    r"(?:^|[-_.])(train(?:ing)?|test|val(?:id(?:ation)?)?|eval|dev|holdout)(?:[-_.]|$)",
    re.IGNORECASE,
)
TRAIN = ("train", "training")


@dataclass(frozen=True)
class Location:
    """Files, or an object in memory.

    Attributes:
        where: for messages.
        name: for the description.
        generated: whether gankit wrote it.
        facts: which of its files are read, by a short name.
        root: the folder that was given.
    """

    where: str
    name: str
    files: Sequence[Path] = ()
    thing: object = None
    generated: bool = False
    licence: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    root: Path | None = None

    def listing(self, settings: MoleculeSettings) -> Listing:
        """Its entries."""
        if self.files:
            return from_files(self.files, settings, self.root)
        return from_memory(self.thing, settings)


def locate(source: object | None) -> Location:
    """The location of a source; None is RDKit's NCI file.

    Raises:
        GankitError: there is no such path, or nothing that can be read.
    """
    if source is None:
        if not NCI.is_file():
            raise GankitError("this RDKit does not include the NCI molecules", "Name your own data")
        return Location("the built-in data", "RDKit's NCI file", [NCI], licence=LICENCE)
    if not isinstance(source, (str, Path)):
        return Location("the data", f"a {type(source).__name__} in memory", thing=source)
    path = Path(source).expanduser()
    if not path.exists():
        raise _missing(path)
    if path.is_dir():
        generated = (path / RECORD).is_file()
        files, facts = _files_in(path)
        return Location(str(path), path.name, files, generated=generated, facts=facts, root=path)
    if kind_of(path) not in SUFFIXES:
        kind = kind_of(path) or "such"
        raise GankitError(f"{path}: no molecules can be read from {kind} files", READS)
    sidecar = path.with_name(path.name + SIDECAR)
    generated = (path.parent / RECORD).is_file() or sidecar.is_file()
    return Location(str(path), path.name, [path], generated=generated)


def _files_in(root: Path) -> tuple[list[Path], dict[str, str]]:
    """The files of molecules below a folder, and what is to be said of the choice.

    .txt files are taken only where there are no others, runs and what gankit generated not at all,
    and of a data set's splits only the training part.
    """
    there = [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(root).parts)
    ]
    if not there:
        raise GankitError(f"{root}: the folder is empty", READS)
    files = [path for path in there if kind_of(path) in SUFFIXES]
    ours = {path.parent for path in there if path.name in (RUN, RECORD)} - {root}
    own = [
        path
        for path in files
        if not ours.isdisjoint(path.parents) or path.with_name(path.name + SIDECAR).is_file()
    ]
    facts = {}
    if own and len(own) < len(files):
        facts["left out"] = f"{_files(len(own))} of runs or written by gankit"
        files = [path for path in files if path not in set(own)]
    if not files:
        raise GankitError(f"{root} has no file of molecules ({len(there):,} other files)", READS)
    files = [path for path in files if kind_of(path) != ".txt"] or files
    splits = {path: _split_of(path, root) for path in files}
    if any(split in TRAIN for split in splits.values()):
        out = Counter(split for split in splits.values() if split and split not in TRAIN)
        if out:
            named = ", ".join(f"{split} ({_files(count)})" for split, count in out.items())
            facts["split"] = f"train; left out: {named}"
            files = [path for path in files if splits[path] in (*TRAIN, "")]
    elif len({*splits.values()} - {""}) > 1:
        named = ", ".join(sorted({*splits.values()} - {""}))
        facts["split"] = f"all of {named}: none is named train"
    return files, facts


def _split_of(path: Path, root: Path) -> str:
    """The part of a data set that a file is, by the names of its folders and its own; empty where
    they name none."""
    name = path.name[: path.name.lower().rindex(kind_of(path))]
    for part in (*path.relative_to(root).parts[:-1], name):
        if found := _SPLIT.search(part):
            return found[1].lower()
    return ""


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


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
