"""Finds the recordings of a data source: a path, an object in memory, or the built-in data."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gankit.errors import GankitError
from gankit.kit.archives import Shards, is_archive, open_archive
from gankit.kit.configurations import take_configuration
from gankit.kit.folders import no_such_path
from gankit.kit.own_output import doubt, is_generated_file
from gankit.kit.splits import take_split
from gankit.kit.trees import Folder, shards, usable
from gankit_audio.data import folders, memory
from gankit_audio.data.formats import SUFFIXES, UNSUPPORTED, by_suffix, suffix_of
from gankit_audio.data.listing import Listing
from gankit_audio.data.parquet import parquet
from gankit_audio.data.tables import SUFFIXES as MANIFESTS

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings

SUPPORTED = (
    "Supported: folders and archives (.zip, .tar) of sounds such as .wav, .flac, .ogg, .mp3, .aiff "
    "and .au; .parquet; .csv, .tsv and .jsonl with paths"
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
    found = (_folder if path.is_dir() else _file)(path, settings)
    if is_generated_file(path):
        found = replace(found, warnings=[doubt(path), *found.warnings])
    return found, str(path)


def _folder(root: Path, settings: AudioSettings) -> Listing:
    """Recordings if there are any; otherwise Parquet files or archives."""
    tree = Folder(root)
    names = tree.names
    if not names:
        raise GankitError(f"{root}: the folder is empty", SUPPORTED)
    if folders.sound_names(tree, names):
        return folders.listing(tree, settings)
    ours = usable(tree, (".parquet",))
    if tables := [name for name in ours.names if name.lower().endswith(".parquet")]:
        config = take_configuration(tables)
        chosen = take_split(config.names, settings.split, where=root, by_file_name=True)
        found = parquet([root / name for name in chosen.names], settings)
        said = [config.fact, chosen.fact, found.facts.get("split", "")]
        facts = {"split": "; ".join(filter(None, said))}
        return replace(
            found,
            notes=[*ours.issues, *found.notes],
            facts={key: text for key, text in {**found.facts, **facts}.items() if text},
            warnings=[*ours.warnings, *config.warnings, *chosen.warnings, *found.warnings],
        )
    if archives := [name for name in names if is_archive(name)]:
        opened, chosen = shards(root, archives, folders.MAX_MEMBER, settings.split)
        inside = opened.prefixes if isinstance(opened, Shards) else ()
        rest = replace(settings, split="all") if chosen.split else settings
        found = folders.listing(opened, rest, inside)
        if not chosen.fact:
            return found
        return replace(found, facts={**found.facts, "split": chosen.fact})
    if manifest := next((n for n in names if suffix_of(n) in MANIFESTS and "/" not in n), None):
        return folders.manifest(root / manifest, settings)
    kinds = Counter(suffix_of(name) for name in names)
    if unsupported := [suffix for suffix in kinds if suffix in UNSUPPORTED]:
        counted = f"{kinds[unsupported[0]]:,} files {unsupported[0]}"
        raise GankitError(
            f"no recordings found in {root}, but {counted}",
            f"Convert them, e.g. with: ffmpeg -i FILE{unsupported[0]} out.flac",
        )
    raise GankitError(f"no recordings found in {root} ({len(names)} other files)", SUPPORTED)


def _file(path: Path, settings: AudioSettings) -> Listing:
    suffix = suffix_of(path.name)
    if is_archive(path.name):
        return folders.listing(open_archive(path, folders.MAX_MEMBER), settings)
    if suffix == ".parquet":
        return parquet([path], settings)
    if suffix in MANIFESTS:
        return folders.manifest(path, settings)
    if suffix in UNSUPPORTED:
        raise GankitError(f"{path}: {by_suffix(suffix)}")
    if suffix in SUFFIXES or folders.sound_names(Folder(path.parent), [path.name]):
        return folders.single(path)
    raise GankitError(f"{path}: {suffix or 'such'} files are not supported", SUPPORTED)
