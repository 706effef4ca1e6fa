"""From what the user gave to a listing of its recordings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from gankit.errors import GankitError, did_you_mean
from gankit_audio.data import folders, manifests, memory
from gankit_audio.data.files import (
    SUFFIXES,
)
from gankit_audio.data.listing import Listing
from gankit_audio.data.parquet import parquet

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings


READS = (
    f"Reads folders and zip archives of {', '.join(SUFFIXES)}; .parquet; .csv, .tsv and .jsonl "
    "with paths"
)

_KEPT_OUT = (".m4a", ".mp4", ".aac", ".wma", ".webm", ".amr", ".mov", ".mkv")
"""Endings of sound that libsndfile does not decode."""


def locate(source: object | None, settings: AudioSettings) -> tuple[Listing, str]:
    """The recordings of a source, and what messages call it."""
    if source is None:
        from gankit_audio.data.plucked import LICENCE, plucked

        found = memory.listing(plucked(), settings)
        return Listing("plucked strings", found.entries, licence=LICENCE), "the built-in data"
    if not isinstance(source, (str, Path)):
        return memory.listing(source, settings), "the data"
    path = Path(source).expanduser()
    if not path.exists():
        raise _missing(path)
    return (_folder if path.is_dir() else _single)(path, settings), str(path)


def _folder(root: Path, settings: AudioSettings) -> Listing:
    """Recordings or manifests where there are any; else the containers that lie there."""
    names = list(folders.walk(root))
    if not names:
        raise GankitError(f"{root}: the folder is empty", READS)
    if any(folders.is_audio(name) or manifests.is_manifest(name) for name in names):
        return folders.folder(root, names, settings.audio_key)
    tables = [root / name for name in names if name.endswith(".parquet")]
    if tables:
        train = [path for path in tables if path.name.startswith("train")]
        return parquet(train or tables, settings.audio_key, settings.label_key)
    archives = [name for name in names if name.lower().endswith(".zip")]
    if len(archives) == 1:
        return folders.archive(root / archives[0], settings.audio_key)
    if archives:
        raise GankitError(f"{root}: several archives: {', '.join(archives)}", "Name one")
    others = Counter(Path(name).suffix.lower() for name in names)
    if closed := [suffix for suffix in others if suffix in _KEPT_OUT]:
        raise GankitError(
            f"no recordings found in {root}, but {others[closed[0]]:,} files {closed[0]}",
            "Convert them to .flac or .wav first",
        )
    raise GankitError(f"no recordings found in {root} ({len(names)} other files)", READS)


def _single(path: Path, settings: AudioSettings) -> Listing:
    suffix = path.suffix.lower()
    if suffix == ".zip":
        return folders.archive(path, settings.audio_key)
    if suffix == ".parquet":
        return parquet([path], settings.audio_key, settings.label_key)
    if suffix in manifests.MANIFESTS:
        return folders.manifest(path, settings.audio_key)
    if suffix in SUFFIXES:
        return folders.single(path)
    if suffix in _KEPT_OUT:
        raise GankitError(f"{path}: {suffix} is not read", "Convert it to .flac or .wav first")
    raise GankitError(f"{path}: no recordings can be read from {suffix or 'such'} files", READS)


def _missing(path: Path) -> GankitError:
    parent = path.parent
    if not parent.is_dir():
        return GankitError(f"{path}: no such path, and no folder {parent}", "Check the spelling")
    return GankitError(
        f"{path}: no such file or folder",
        did_you_mean(path.name, [p.name for p in parent.iterdir()]),
    )
