"""Finds the recordings of a data source: a path, an object in memory, or the built-in data."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from gankit.errors import GankitError
from gankit.kit.folders import files_below, no_such_path
from gankit_audio.data import folders, manifests, memory
from gankit_audio.data.formats import SUFFIXES, UNSUPPORTED
from gankit_audio.data.listing import Listing
from gankit_audio.data.parquet import parquet

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings

SUPPORTED = (
    f"Supported: folders and zip archives of {', '.join(SUFFIXES)}; .parquet; "
    ".csv, .tsv and .jsonl with paths"
)


def locate(source: object | None, settings: AudioSettings) -> tuple[Listing, str]:
    """The recordings of a source, and its name in messages.

    Raises:
        GankitError: no recordings there.
    """
    if source is None:
        from gankit_audio.data.plucked import LICENCE, plucked

        found = memory.listing(plucked(), settings)
        return Listing("plucked strings", found.entries, licence=LICENCE), "the built-in data"
    if not isinstance(source, (str, Path)):
        return memory.listing(source, settings), "the data"
    path = Path(source).expanduser()
    if not path.exists():
        raise no_such_path(path)
    return (_folder if path.is_dir() else _file)(path, settings), str(path)


def _folder(root: Path, settings: AudioSettings) -> Listing:
    """Recordings or manifests if there are any; otherwise Parquet files or an archive."""
    names = list(files_below(root))
    if not names:
        raise GankitError(f"{root}: the folder is empty", SUPPORTED)
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
    if unsupported := [suffix for suffix in others if suffix in UNSUPPORTED]:
        raise GankitError(
            f"no recordings found in {root}, but {others[unsupported[0]]:,} files {unsupported[0]}",
            "Convert them to .flac or .wav first",
        )
    raise GankitError(f"no recordings found in {root} ({len(names)} other files)", SUPPORTED)


def _file(path: Path, settings: AudioSettings) -> Listing:
    suffix = path.suffix.lower()
    if suffix == ".zip":
        return folders.archive(path, settings.audio_key)
    if suffix == ".parquet":
        return parquet([path], settings.audio_key, settings.label_key)
    if suffix in manifests.MANIFESTS:
        return folders.manifest(path, settings.audio_key)
    if suffix in SUFFIXES:
        return folders.single(path)
    if suffix in UNSUPPORTED:
        raise GankitError(f"{path}: {suffix} is not supported", "Convert it to .flac or .wav first")
    raise GankitError(f"{path}: {suffix or 'such'} files are not supported", SUPPORTED)
