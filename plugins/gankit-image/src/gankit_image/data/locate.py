"""Finds the images of a path: a folder, an archive, Parquet, IDX or NumPy files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit.kit import archives
from gankit.kit.archives import UnreadableError
from gankit.kit.configurations import take_configuration
from gankit.kit.discovery import count_endings, ending_of
from gankit.kit.folders import no_such_path, printable
from gankit.kit.own_output import doubt, is_generated_file
from gankit.kit.row_tables import ENDINGS, LABEL_COLUMNS, label_text, read_rows
from gankit.kit.splits import split_in, take_split
from gankit.kit.tables import find_column
from gankit.kit.trees import Folder, open_file, open_tree, shards, usable
from gankit_image.data import arrays, containers, idx
from gankit_image.data.arrays import Arrays
from gankit_image.data.classes import FEWEST
from gankit_image.data.containers import (
    IMAGE_KEYS,
    LABEL_KEYS,
    Listing,
    cell_text,
    is_image,
    listing,
)
from gankit_image.data.parquet import parquet
from gankit_image.data.pixels import SUFFIXES

if TYPE_CHECKING:
    from gankit_image.settings import ImageSettings

READS = f"Reads folders, .zip and .tar archives of {', '.join(SUFFIXES)}; .parquet, .npy, .npz, IDX"
ARRAYS = (".npy", ".npz")
CONTAINERS = (".zip", ".tar", ".tgz", ".parquet", *ARRAYS)
"""Endings of files that hold many images; tars may be compressed as well (``.tar.gz``)."""
_OTHER_IMAGES = {
    ".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".jfif", ".psd", ".svg", ".raw", ".dng",
    ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".exr", ".hdr", ".tga", ".dds", ".dcm",
    ".nii", ".ico", ".eps", ".pdf", ".ppm", ".pgm", ".pnm",
}  # fmt: skip
"""Endings of images that may be meant."""
_PICKLES = (".pkl", ".pickle", ".pck", ".p")
_PACKED = (".rar", ".7z", ".tar.zst", ".lz4", ".gz", ".bz2", ".xz", ".zst")
_BATCH = re.compile(r"(data|test)_batch(_\d+)?|batches\.meta|train|test|meta")
"""Names of the files of CIFAR-10 and CIFAR-100 for Python."""


def locate(path: Path, settings: ImageSettings) -> Listing | Arrays:
    """The encoded images of a path, or its arrays.

    Raises:
        GankitError: there are none, or they cannot be read.
    """
    if not path.exists():
        raise no_such_path(path)
    if path.is_dir():
        return _folder(path, settings)
    found = _file(path, settings)
    if not is_generated_file(path):
        return found
    if isinstance(found, Listing):
        found = _with(replace(found, generated=True), [], [doubt(path)], dict(found.facts))
    else:
        found = replace(found, warnings=[*found.warnings, doubt(path)])
    return found


def _folder(root: Path, settings: ImageSettings) -> Listing | Arrays:
    """The image files of a folder, or else the containers in it."""
    tree = Folder(root)
    if not tree.names:
        issues = f" ({tree.issues[0].location}: {tree.issues[0].reason})" if tree.issues else ""
        raise GankitError(f"{root}: the folder is empty{issues}", READS)
    if any(map(is_image, tree.names)):
        found = _doubt_others(listing(tree, settings.label_key, settings.split), root)
        if found.entries:
            return found
        tree.issues += [i for i in found.notes if i not in tree.issues]
    # A generated container next to its record is left out like a picture.
    left = usable(tree, (*archives.SUFFIXES, ".parquet", *ARRAYS))
    names = left.names
    tables = [name for name in names if name.lower().endswith(".parquet")]
    tables = [name for name in tables if not name.rpartition("/")[2].startswith("metadata.")]
    if tables:
        config = take_configuration(tables)
        chosen = take_split(
            config.names, settings.split, where=root, by_file_name=True, required=False
        )
        rows = "train" if chosen.split else settings.split
        found = parquet(root, chosen.names, settings.image_key, settings.label_key, rows)
        facts = dict(found.facts)
        if fact := "; ".join(filter(None, [config.fact, chosen.fact])):
            facts["split"] = "; ".join(filter(None, [fact, facts.get("split")]))
        return _with(
            found, left.issues, [*left.warnings, *config.warnings, *chosen.warnings], facts
        )
    if any(idx.is_idx(Path(name).name) for name in names):
        return idx.read_idx_folder(root, names, settings.split)
    packed = [name for name in names if archives.is_archive(name)]
    if packed:
        return _archives(root, packed, left.issues, left.warnings, settings)
    single = [name for name in names if name.lower().endswith(ARRAYS) and not _is_labels(name)]
    if 1 < len(single) < FEWEST:  # x_train.npy next to x_test.npy
        chosen = take_split(single, settings.split, where=root, by_file_name=True, required=False)
        if len(chosen.names) == 1 and not chosen.warnings:
            one = _file(root / chosen.names[0], settings)
            return replace(one, facts={**one.facts, "split": chosen.fact})
    if len(single) == 1:
        return _file(root / single[0], settings)
    if len(single) >= FEWEST and all(name.lower().endswith(".npy") for name in single):
        return listing(tree, settings.label_key, settings.split, (".npy",))  # a picture each
    if single:
        several = ", ".join(map(printable, single[:8]))
        raise GankitError(f"{root}: several files of images: {several}", "Give one of them")
    raise no_images(root, tree.names, left.issues)


def _archives(
    root: Path,
    packed: Sequence[str],
    issues: Sequence[Issue],
    warnings: Sequence[str],
    settings: ImageSettings,
) -> Listing:
    """Archives of a folder: the shards of one data set, or a single one."""
    chosen = take_split(packed, settings.split, where=root, by_file_name=True, required=False)
    zips = [name for name in chosen.names if name.lower().endswith(archives.ZIP)]
    if len(zips) > 1:
        several = ", ".join(map(printable, zips[:8]))
        raise GankitError(f"{root}: several archives: {several}", "Give one of them")
    tree, _ = shards(root, chosen.names, containers.MAX_MEMBER, "all")
    split = "train" if chosen.split else settings.split
    found = _doubt_others(listing(tree, settings.label_key, split), root)
    facts = dict(found.facts)
    if chosen.fact:
        facts["split"] = "; ".join(filter(None, [chosen.fact, facts.get("split")]))
    return _with(found, issues, [*warnings, *chosen.warnings], facts)


def _file(path: Path, settings: ImageSettings) -> Listing | Arrays:
    name = path.name.lower()
    if archives.is_archive(name):
        tree = open_tree(path, containers.MAX_MEMBER)
        found = listing(tree, settings.label_key, settings.split)
        if not found.entries:
            raise no_images(path, tree.names, found.notes)
        return _doubt_others(found, path)
    if name.endswith(".parquet"):
        return parquet(
            path.parent, [path.name], settings.image_key, settings.label_key, settings.split
        )
    if name.endswith(".npy"):
        return _labelled(arrays.npy(path), path, settings)
    if name.endswith(".npz"):
        return arrays.npz(path, settings.image_key, settings.label_key)
    if name.endswith(SUFFIXES):
        raise GankitError(
            f"{path}: this is a single image", f"Give a folder with at least {FEWEST} images"
        )
    if idx.is_idx(path.name) or "idx" in name:
        return idx.read_idx_images(path)
    if name.endswith(_PICKLES) or _is_pickle(path.parent, path.name):
        raise _pickle(f"{path}: a pickle, which can run code and is not read")
    if name.endswith(_PACKED):
        raise GankitError(
            f"{path}: {path.suffix} archives are not read", "Unpack it: give the folder"
        )
    raise GankitError(f"{path}: cannot read images from {path.suffix or 'such'} files", READS)


def _is_labels(name: str) -> bool:
    """Whether a ``.npy`` file has the labels of another, by its name."""
    words = re.split(r"[-_. ]", name.rpartition("/")[2].lower())
    return name.lower().endswith(".npy") and bool({"label", "labels", "y", "targets"} & {*words})


def _labelled(found: Arrays, path: Path, settings: ImageSettings) -> Arrays:
    """An array with the labels next to it: a table with a column ``index``, as gankit writes it,
    or ``labels.npy``.

    Raises:
        GankitError: they cannot be read, or have another length.
    """
    count = len(found.images)
    for ending in ENDINGS:
        table = path.with_name(f"metadata{ending}")
        if table.is_file():
            rows = [row for _, row in read_rows(str(table), table.read_bytes())]
            columns = list(dict.fromkeys(key for row in rows for key in row))
            label = find_column(columns, settings.label_key, LABEL_KEYS[0], LABEL_COLUMNS)
            if label is None or "index" not in columns:
                continue
            named = {label_text(row.get("index")): cell_text(row.get(label)) for row in rows}
            labels = [named.get(str(i)) for i in range(count)]
            return replace(found, labels=labels, labels_from=f"{table.name}, column {label}")
    others = [p for p in sorted(path.parent.glob("*.npy")) if p != path and _is_labels(p.name)]
    if len(others) > 1:  # of each split
        others = [p for p in others if split_in(p.stem) == split_in(path.stem)]
    if len(others) != 1 or _is_labels(path.name):
        return found
    values = arrays.labels_of(others[0], count)
    return replace(found, labels=values, labels_from=others[0].name)


def other_arrays(path: Path, settings: ImageSettings) -> dict[str, str]:
    """Which arrays of a .npz file were taken, and which were left out."""
    if path.suffix.lower() != ".npz":
        return {}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            names = list(found.keys())
    except (OSError, ValueError, EOFError):
        return {}
    taken = [
        find_column(names, settings.image_key, IMAGE_KEYS[0], IMAGE_KEYS),
        find_column(names, settings.label_key, LABEL_KEYS[0], LABEL_KEYS),
    ]
    others = [printable(name) for name in names if name not in taken]
    used = ", ".join(printable(name) for name in taken if name)
    return {"arrays": f"{used}; {', '.join(others[:12])} left out"} if others else {}


def _pickle(what: str) -> GankitError:
    hint = "Save the images as .npz with the arrays image and label, or as .png in folders"
    return GankitError(what, hint)


def _is_pickle(where: Path, name: str) -> bool:
    """Whether a file is one of Python's pickles, as CIFAR's ``data_batch_1``."""
    if name.lower().endswith(_PICKLES):
        return True
    if ending_of(name) not in ("without an ending", ".meta"):
        return False
    if not where.is_dir():
        return bool(_BATCH.fullmatch(name.rpartition("/")[2]))
    try:
        with open_file(where / name) as file:
            head = file.read(2)
    except (UnreadableError, OSError):
        return False
    return len(head) == 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def _with(
    found: Listing, notes: Sequence[Issue], warnings: Sequence[str], facts: dict[str, str]
) -> Listing:
    return replace(
        found,
        notes=[*notes, *found.notes],
        facts=facts,
        warnings=[*warnings, *found.warnings],
    )


def _doubt_others(found: Listing, where: Path) -> Listing:
    """Adds a warning where a folder has images of kinds that are not read."""
    others = found.facts.get("other files", "")
    likely = [part for part in others.removesuffix(": not read").split(", ")
              if part.rpartition(" ")[2] in _OTHER_IMAGES]  # fmt: skip
    if not likely:
        return found
    unread = (
        f"{where}: {' and '.join(likely)} files are not read, only {len(found.entries):,} others: "
        "convert them to .png or .jpg"
    )
    return _with(found, [], [unread], dict(found.facts))


def no_images(where: Path | str, names: Sequence[str], issues: Sequence[Issue] = ()) -> GankitError:
    """The error for a data set without images."""
    kinds = count_endings(names)
    if pickles := [name for name in names if _is_pickle(Path(where), name)]:
        files = "1 file is a pickle" if len(pickles) == 1 else f"{len(pickles):,} files are pickles"
        example = printable(pickles[0])
        return _pickle(f"{where}: {files}, such as {example}, which can run code and are not read")
    likely = sorted({ending for name in names if (ending := ending_of(name)) in _OTHER_IMAGES})
    left = f"; {len(issues):,} left out: {issues[0].reason}" if issues else ""
    there = f" ({kinds}{left})" if kinds or left else ""
    hint = f"Convert {' and '.join(likely)} to .png. {READS}" if likely else READS
    return GankitError(f"no images found in {where}{there}", hint)
