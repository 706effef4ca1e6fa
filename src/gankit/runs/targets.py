"""Where generated items go: a folder, one file, an archive or standard output."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gankit.errors import GankitError, did_you_mean
from gankit.plugins.records import LoadedModality
from gankit.plugins.registry import installed
from gankit.runs.provenance import RECORD

SIDECAR = ".provenance.json"
"""Appended to a file's name for the record next to it."""
STDOUT = "-"
"""The output path that means standard output."""
STAGING = ".gankit.partial"
"""Where output is prepared inside a folder that is there already."""
UNCOUNTED = (STAGING, "lost+found")
"""What an empty folder may hold; an empty ext4 file system has the second."""
COMPRESSIONS = ("gz", "bz2", "xz")
FILE_ENDINGS = (
    "7z arrow avi bmp csv db doc docx duckdb feather flac gif h5 heic html jpeg jpg json jsonl mat "
    "md mid mov mp3 mp4 npy npz ods ogg opus parquet pdf pkl png pt sdf smi sqlite svg tar tgz tif "
    "tiff toml tsv txt wav webm webp xls xlsx xml yaml zip zst"
)
"""Endings that mean a file, whoever writes it; any other may be part of a folder's name."""


@dataclass(frozen=True)
class Target:
    """Where generated items go, and in what format."""

    path: Path
    format: str
    single_file: bool
    """Whether ``path`` is the one file to write; otherwise it is a folder to make."""
    packing: str = ""
    """``zip``: the file is an archive of the folder; ``tar``: of its items, as WebDataset reads
    them; ``gz``, ``bz2`` or ``xz``: it is compressed so."""
    ending: str = ""
    """What the one file that the format writes must end in; anything if empty."""
    stdout: bool = False
    """Whether the one file goes to standard output; ``path`` is then ``-``."""
    record_path: Path | None = None
    """Where the record of the one file is written; beside it by default."""

    @property
    def record(self) -> Path:
        """Where the provenance record is written."""
        if self.record_path is not None:
            return self.record_path
        if self.single_file:
            return self.path.with_name(self.path.name + SIDECAR)
        return self.path / RECORD


def resolve_target(
    plugin: LoadedModality, out: str | Path, format: str | None = None, default: str | None = None
) -> Target:
    """The target that ``--out`` and ``--format`` mean.

    A path that ends in one of the modality's formats is a file, also with ``.gz``, ``.bz2`` or
    ``.xz`` behind it; ``.zip`` is an archive of the folder; the text ``-`` is standard output. A
    path without an ending, with a slash at its end, or of a folder that is there, is a folder.

    Args:
        default: the format where neither names one; the modality's first one by default.

    Raises:
        GankitError: the modality has no such format, or the two contradict each other.
    """
    formats = plugin.modality.formats
    named = None if format is None else _known(format, formats)
    first = named or default or formats[0]
    if out == STDOUT:
        return Target(Path(STDOUT), first, single_file=True, stdout=True)
    path = expanded(out)
    slash = isinstance(out, str) and out.endswith(("/", os.sep))
    endings = [ending.lower().removeprefix(".") for ending in path.suffixes[-2:]]
    if slash or not endings or not endings[-1] or _is_folder(path):
        return Target(path, first, single_file=False)
    ending = endings[-1]
    if ending == "zip":
        if "zip" in formats and named in (None, "zip"):
            return Target(path, "zip", single_file=True)
        packed = next(f for f in (named, default, *formats) if f and f != "zip")
        return Target(path, packed, single_file=True, packing="zip")
    packing = ending if ending in COMPRESSIONS else ""
    if packing:
        ending = endings[0] if len(endings) == 2 else ""
    known = {suffix.lower().removeprefix(".") for suffix in plugin.info.suffixes}
    if ending in formats or (named and ending in known and named.startswith(ending)):
        if named and not named.startswith(ending):
            raise GankitError(
                f"--out {path} and --format {named} contradict each other",
                f"Leave out --format, or end the name in .{named}",
            )
        return Target(path, named or ending, single_file=True, packing=packing)
    if ending in known and f".{first}" not in plugin.info.suffixes and not packing:
        return Target(path, first, single_file=True, ending=ending)  # such as a folder of PNG
    if packing or ending in known | {*FILE_ENDINGS.split()} | _endings_of_plugins():
        what = f"format {ending!r}" if ending else f"format before .{packing}"
        raise GankitError(
            f"plugin {plugin.info.name} cannot write {path.name}: it has no {what}",
            f"Formats: {', '.join(formats)}. A name without an ending, or with a slash behind it, "
            "is a folder",
        )
    return Target(path, first, single_file=False)


def expanded(path: str | Path) -> Path:
    """A path with the home folder in place of a leading ``~``, which a shell leaves in
    ``--out=~/x``.

    Raises:
        GankitError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise GankitError(f"{path}: {error}", "Write the path in full") from None


def refuse_existing(target: Target, overwrite: bool) -> None:
    """Only what gankit generated is ever overwritten, and only on request.

    Raises:
        GankitError: something is there already and may not be overwritten.
    """
    path = target.path
    if target.stdout:
        return
    try:
        there = [p for p in (path, *([target.record] if target.single_file else [])) if p.exists()]
        if not there or (not target.single_file and path.is_dir() and is_empty(path)):
            return
    except OSError as error:  # a name that is too long, or a folder that may not be looked into
        raise GankitError(
            f"cannot write {path}: {error.strerror}", "Choose another --out"
        ) from None
    try:
        generated = bool(json.loads(target.record.read_text(encoding="utf-8"))["generated"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        generated = False
    if not generated or path.resolve() in (Path.cwd(), *Path.cwd().parents):
        what = "file" if target.single_file else "folder"
        raise GankitError(
            f"{there[0]} exists already, and was not generated by gankit",
            f"Choose another --out: gankit replaces no {what} but its own",
        )
    if path.exists() and not overwrite:
        raise GankitError(f"{path} exists already", "Choose another --out, or add --overwrite")


def is_empty(folder: Path) -> bool:
    """Whether a folder has nothing of anybody's in it."""
    begun = f".{RECORD}."  # of parts, by a process that was killed at once
    return all(p.name in UNCOUNTED or p.name.startswith(begun) for p in folder.iterdir())


def _known(format: str, formats: Sequence[str]) -> str:
    """The format of that name, in capitals or not.

    Raises:
        GankitError: there is none.
    """
    for known in formats:
        if known.lower() == format.strip().lower().removeprefix("."):
            return known
    hint = f"Known: {', '.join(formats)}" if len(formats) <= 8 else did_you_mean(format, [*formats])
    raise GankitError(f"unknown format {format!r}", hint)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # it cannot be looked at; writing says why
        return False


def _endings_of_plugins() -> set[str]:
    infos = installed().infos().values()
    return {ending.lower().removeprefix(".") for info in infos for ending in info.suffixes}


def is_one_file(target: Target) -> bool:
    """Whether items that are several files, whatever the format, have no place there: a folder or
    a zip archive holds them."""
    return target.single_file and target.packing != "zip"


def one_file(target: Target) -> GankitError:
    """The error for such items."""
    if target.stdout:
        return GankitError(
            "this run generates several files, and --out - takes one", "Name a folder: --out FOLDER"
        )
    name = target.path.name.partition(".")[0]
    return GankitError(
        f"this run generates several files, and {target.path.name} is one",
        f"Name a folder, --out {name}, with --format {target.format}; or an archive, {name}.zip",
    )
