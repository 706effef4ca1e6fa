"""Finds the videos of a path: films, folders of frames, or arrays; in a folder or an archive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit.kit.archives import is_archive
from gankit.kit.discovery import Discovered, count_endings, discover
from gankit.kit.folders import no_such_path, printable
from gankit.kit.own_output import doubt, is_generated_file
from gankit.kit.row_tables import LABEL_COLUMNS, label_text
from gankit.kit.sidecars import STEMS, read_sidecars
from gankit.kit.splits import left_out_text, take_split
from gankit.kit.tables import find_column
from gankit.kit.trees import FileTree, Folder, open_tree, usable
from gankit_video.data import arrays, films, stills
from gankit_video.data.films import Content, Film
from gankit_video.data.items import LABEL
from gankit_video.data.stills import Stills, by_folder
from gankit_video.data.videos import Entry, Listing, Video

if TYPE_CHECKING:
    from gankit_video.settings import VideoSettings

READS = (
    "Reads films (.mp4, .webm, .gif, .avi, .mov, .mkv …) and folders of frames, in folders, .zip "
    "and .tar archives; .npy arrays (N, T, H, W, C)"
)
MAX_MEMBER = 2 * 2**30
"""Bytes of a file in an archive, which is read as a whole."""
_UNREAD = (".npz", ".pkl", ".pickle", ".h5", ".hdf5", ".tfrecord", ".parquet", ".pt", ".pth")


def locate(path: Path, settings: VideoSettings) -> Listing:
    """The videos of a path.

    Raises:
        GankitError: there are none, or they cannot be read.
    """
    if not path.exists():
        raise no_such_path(path)
    if path.is_dir() or is_archive(path.name):
        return _tree(open_tree(path, MAX_MEMBER), settings)
    name = path.name.lower()
    if name.endswith(".npy"):
        found = arrays.npy(path, settings.label_key)
    elif name.endswith(films.SUFFIXES):
        found = Listing("film", [Entry(Film(path.name, lambda: path))])
    else:
        kind = path.suffix or "such"
        raise GankitError(f"{path}: cannot read clips from {kind} files", READS)
    if is_generated_file(path):
        return Listing(
            found.kind,
            found.entries,
            facts=found.facts,
            labels_from=found.labels_from,
            warnings=[doubt(path)],
        )
    return found


def _tree(tree: FileTree, settings: VideoSettings) -> Listing:
    if not tree.names:
        raise GankitError(f"{tree.path}: the {tree.kind} is empty", READS)
    endings = [name.lower() for name in tree.names]
    if any(name.endswith(films.SUFFIXES) for name in endings):
        found = discover(tree, films.SUFFIXES, split=settings.split)
        if found.names:
            return _films(tree, found, settings)
    if any(name.endswith(stills.SUFFIXES) for name in endings):
        listing = _stills(tree, settings)
        if listing.entries:
            return listing
    if isinstance(tree, Folder) and (single := _arrays(tree, settings)) is not None:
        return single
    others = count_endings(tree.names)
    hint = READS
    if any(name.endswith(_UNREAD) for name in endings):
        hint = f"Save the clips as .npy or as films. {READS}"
    raise GankitError(f"{tree.path}: no clips found ({others})", hint)


# --- Films --------------------------------------------------------------------------------------


def _films(tree: FileTree, found: Discovered, settings: VideoSettings) -> Listing:
    content = _content(tree)
    videos = [Film(printable(name), partial(content, name)) for name in found.names]
    rows = found.sidecars.rows if found.sidecars else {}
    labels, source = _labels(found.names, found.folders, rows, _labelled(found), settings)
    return Listing(
        f"{tree.kind} of films{found.note}",
        [
            Entry(video, labels[i], arrays.numbers(rows.get(name, {})))
            for i, (name, video) in enumerate(zip(found.names, videos, strict=True))
        ],
        found.issues,
        found.facts,
        source if source != "table" or not found.sidecars else found.sidecars.source,
        found.warnings,
    )


def _labelled(found: Discovered) -> bool:
    """Whether folders may be classes: a table may say that there are none."""
    return found.sidecars is None or found.sidecars.labelled


def _content(tree: FileTree) -> Callable[[str], Content]:
    def content(name: str) -> Content:
        return tree.path / name if isinstance(tree, Folder) else tree.read(name)

    return content


def _labels(
    names: Sequence[str],
    folders: Sequence[str | None],
    rows: Mapping[str, Mapping[str, object]],
    may_be_folders: bool,
    settings: VideoSettings,
) -> tuple[list[str | None], str]:
    """A label for each video, and where they come from."""
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    column = find_column(columns, settings.label_key, LABEL, LABEL_COLUMNS)
    if column is not None:
        return [label_text(rows.get(name, {}).get(column)) for name in names], "table"
    if settings.label_key != LABEL:
        raise GankitError(
            f"label_key={settings.label_key}: no table has such a column",
            f"There are: {', '.join(columns)}" if columns else "There is no table",
        )
    if may_be_folders and any(folders):
        return list(folders), "folders"
    return [None] * len(names), ""


# --- Frames -------------------------------------------------------------------------------------


def _stills(tree: FileTree, settings: VideoSettings) -> Listing:
    """Each folder that holds pictures is a video; the folder above it may be its class."""
    ours = usable(tree, stills.SUFFIXES)
    pictures = [name for name in ours.names if name.lower().endswith(stills.SUFFIXES)]
    groups = {folder or ".": files for folder, files in by_folder(pictures)}
    chosen = take_split(list(groups), settings.split, where=tree.path, required=False)
    sidecars = read_sidecars(
        ours.names, list(groups), tree.read_required, where=tree.path, chosen=chosen.names,
        stems=STEMS, split=settings.split,
    )  # fmt: skip
    rows = sidecars.rows if sidecars else {}
    names = [n for n in chosen.names if not sidecars or n not in sidecars.excluded]
    folders = [f for n, f in zip(chosen.names, chosen.folders, strict=True) if n in {*names}]
    labelled = sidecars is None or sidecars.labelled
    labels, source = _labels(names, folders, rows, labelled, settings)
    entries = [
        Entry(_stills_of(tree, name, groups[name]), labels[i], arrays.numbers(rows.get(name, {})))
        for i, name in enumerate(names)
    ]
    others = count_endings([n for n in ours.names if not n.lower().endswith(stills.SUFFIXES)])
    left = left_out_text(chosen.left_out, "folder")
    facts = {
        "videos": f"{len(entries):,} folders of frames, one video each",
        "split": "; ".join(filter(None, [chosen.split, chosen.remark, left])),
        "other files": f"{others}: not read" if others and sidecars is None else "",
    }
    issues: list[Issue] = [*ours.issues, *(sidecars.issues if sidecars else ())]
    return Listing(
        f"{tree.kind} of frames{chosen.note}",
        entries,
        issues,
        {key: text for key, text in facts.items() if text},
        source if source != "table" or sidecars is None else sidecars.source,
        [*ours.warnings, *chosen.warnings, *(sidecars.warnings if sidecars else ())],
    )


def _stills_of(tree: FileTree, name: str, files: Sequence[str]) -> Video:
    return Stills(tree, printable(name), files)


# --- Arrays -------------------------------------------------------------------------------------


def _arrays(tree: Folder, settings: VideoSettings) -> Listing | None:
    """A single array, or an array per clip with folders as classes."""
    found = discover(tree, (".npy",), split=settings.split)
    names = [n for n in found.names if n.rpartition("/")[2] != "labels.npy"]
    if not names:
        return None
    if len(names) == 1:
        return arrays.npy(tree.path / names[0], settings.label_key)
    rows = found.sidecars.rows if found.sidecars else {}
    labels, source = _labels(found.names, found.folders, rows, _labelled(found), settings)
    entries: list[Entry] = []
    notes: list[str] = []
    for name, label in zip(found.names, labels, strict=True):
        array = arrays.load(tree.path / name)
        if array.ndim == 5 or (array.ndim == 4 and array.shape[3] not in (1, 3, 4)):
            raise GankitError(
                f"{tree.path}: several arrays of clips, such as {printable(name)}",
                "Give one of them, or save one clip per file",
            )
        stack, said = arrays.as_stack(array, str(tree.path / name))
        notes += said
        video = arrays.ArrayVideo(printable(name), np.asarray(stack[0]))
        entries.append(Entry(video, label, arrays.numbers(rows.get(name, {}))))
    facts = dict(found.facts)
    if notes:
        facts["numbers"] = "; ".join(dict.fromkeys(notes))
    return Listing("folder of arrays", entries, found.issues, facts, source, found.warnings)
